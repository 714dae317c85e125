"""Unit tests of ``bus.inbound.stream``."""
