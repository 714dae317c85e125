"""Unit tests of the store, without a server."""
