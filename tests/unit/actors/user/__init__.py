"""Unit tests of ``actors.user.actor``."""
