"""Unit tests of ``bus.dead_letters.stored``."""
