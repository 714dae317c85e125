"""Unit tests: they mirror the tree, use twins and run in milliseconds."""
