"""Unit tests of ``bus.wire``."""
