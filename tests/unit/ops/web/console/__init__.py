"""Unit tests of ``ops.web.console``."""
