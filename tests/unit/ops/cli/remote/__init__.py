"""Unit tests of what commands ask of running instances."""
