"""Unit tests of ``ops.doctor``."""
