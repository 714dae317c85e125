"""Tests of what sources bring into a stream."""
