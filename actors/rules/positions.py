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
    """What is taken of one partition and not settled, and so how far the partition is settled.

    A dictionary and no heap: messages are taken in the order of the log, so that its first entry
    is the lowest. A message costs O(1), amortised, and some 200 bytes while it is unsettled.
    """

    __slots__ = ("_before", "_position")

    def __init__(self, position: Place = BEGIN) -> None:
        """Begin where everything up to ``position`` is settled."""
        self._position = position
        self._before: dict[int, Place] = {}

    def __len__(self) -> int:
        """Return how many messages are taken and not settled."""
        return len(self._before)

    def holds_from(self, sequence: int) -> bool:
        """Return whether any of them is at ``sequence`` or above."""
        return next(reversed(self._before), -1) >= sequence

    def take(self, sequence: int, before: Place) -> None:
        """Note a message that is taken, in the order of the log.

        ``before`` is where the reader stood: of the partition, nothing lies between the two.
        """
        self._before[sequence] = before

    def settle(self, sequence: int) -> None:
        """Note that a message is done with; one that is not unsettled is passed over."""
        self._before.pop(sequence, None)

    def position(self, reader: Place) -> Place:
        """Return how far the partition is settled, given how far its reader is; it never falls.

        That is right below the lowest unsettled message, or where the reader stands.
        """
        reached = next(iter(self._before.values()), reader)
        if reached.sequence > self._position.sequence:
            self._position = reached
        return self._position
