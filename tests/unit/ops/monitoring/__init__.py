"""Unit tests of ``ops.monitoring``."""
