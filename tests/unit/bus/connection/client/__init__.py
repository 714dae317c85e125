"""Unit tests of ``bus.connection.client``."""
