"""Unit tests of ``actors.runtime.pooled``."""
