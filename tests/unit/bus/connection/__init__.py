"""Unit tests of ``bus.connection.connection``."""
