"""Unit tests of the migration."""
