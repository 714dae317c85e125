"""Unit tests of ``store.homes``."""
