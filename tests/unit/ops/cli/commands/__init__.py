"""Unit tests of the commands, without servers."""
