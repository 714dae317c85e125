"""Tests. Unit tests mirror the tree; the other folders say what they run against."""
