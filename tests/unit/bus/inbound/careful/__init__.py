"""Unit tests of ``bus.inbound.careful``."""
