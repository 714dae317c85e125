"""Unit tests of ``ops.users``."""
