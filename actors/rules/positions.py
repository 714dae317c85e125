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


class Ledger:
    """What a partition has taken from the log and not settled, and so its position."""

    def __init__(self) -> None:
        """Begin with nothing taken."""
        self._before: dict[int, Place] = {}

    def __len__(self) -> int:
        """Messages taken and not settled."""
        return len(self._before)

    def take(self, sequence: int, before: Place) -> None:
        """Note that the message at ``sequence`` is taken; in the order of the log.

        ``before`` is the last place before it: where the position is while this is the lowest.
        """
        self._before[sequence] = before

    def settle(self, sequence: int) -> None:
        """Note that it is settled; what was never taken, or is settled already, is ignored."""
        self._before.pop(sequence, None)

    def position(self, read: Place) -> Place:
        """Return the place up to which everything is settled; all up to ``read`` was looked at."""
        for before in self._before.values():
            return before
        return read
