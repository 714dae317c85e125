"""Unit tests of ``bus.outbound``."""
