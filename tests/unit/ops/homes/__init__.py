"""Tests of ops.homes."""
