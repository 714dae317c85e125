"""Unit tests of the core: no thread where none is under test, no server, no waiting."""
