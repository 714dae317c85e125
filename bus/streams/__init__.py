"""Streams: created, examined, mended."""
