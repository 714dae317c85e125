"""Positions: how far a partition of the users is settled in the log. Pure.

A *place* is where a message stands in a log; a partition's *position* is the place up to which
everything of it is settled. Whatever goes wrong, one reads again from the position.
"""

from __future__ import annotations

from typing import NamedTuple


class Place(NamedTuple):
    """Where a message stands in a log.

    Sequence *and* timestamp: a broker that lost data hands the same sequences out again.
    """

    sequence: int
    """Its number in the log, from 1; 0 before every message."""
    timestamp_ns: int
    """When it was put into the log, in nanoseconds since 1970; 0 before every message."""
    log: str = ""
    """What tells the log from another of the same name; "" where it does not matter."""


BEGIN = Place(0, 0)
"""Before every message."""
