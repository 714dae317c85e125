"""Unit tests of the twins in memory."""
