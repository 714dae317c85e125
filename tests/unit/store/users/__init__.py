"""Unit tests of ``store.users``."""
