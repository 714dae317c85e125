"""Unit tests of ``actors.rules``."""
