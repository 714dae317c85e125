"""Tests of ops.cli.log."""
