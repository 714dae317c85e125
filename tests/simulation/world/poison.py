"""Poison: what crashes whoever touches it, a few times in a history."""

from __future__ import annotations

POISON = "poison"
"""In the reason of every dead letter that poison is to blame for."""


class PoisonedError(Exception):
    """Raised by a poisoned clock or id source, to crash the user actor that asked."""
