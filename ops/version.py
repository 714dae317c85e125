"""Which version this is; ``setup.cfg`` reads it from here."""

from __future__ import annotations

NAME = "alarm-digest"
"""The package, and its command on PATH."""
VERSION = "0.2.0"
