"""Unit tests of the router and its parts."""
