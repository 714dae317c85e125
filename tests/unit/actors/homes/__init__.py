"""Tests of the home of partitions."""
