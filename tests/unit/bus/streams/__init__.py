"""Unit tests of ``bus.streams``."""
