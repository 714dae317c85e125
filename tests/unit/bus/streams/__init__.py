"""Streams: their settings, and what is warned about."""
