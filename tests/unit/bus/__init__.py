"""Unit tests of the bus, without a server."""
