"""Unit tests of ``actors.checkpoints``."""
