"""Unit tests of ``ops.process``."""
