"""Unit tests of ``bus.inbound``."""
