"""Choosing a large user's digest in slices, between which others have their turn. Pure.

A user may have 140,000 alarms, all of them due: to look at each and to sort them takes a good
tenth of a second. Here a slice looks at so many, and keeps the oldest of those seen so far.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from actors.rules.digest import DigestItem, is_due
from actors.runtime.tuples import new_tuple

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from actors.rules.alarms import Alarm, AlarmID, Severity

ALARMS_IN_A_SLICE = 2_500
"""What is done with more than so many alarms, or events, of a user is done in slices of so many:
some 3 milliseconds each."""


class Selection:
    """The alarms that are due, the oldest ``most`` of them. They must not change meanwhile."""

    def __init__(
        self, alarms: Mapping[AlarmID, Alarm], among: Collection[AlarmID], most: int
    ) -> None:
        """Choose ``among`` these; the first step looks at what is there by then."""
        self._alarms = alarms
        self._among = among
        self._most = most
        self._left: Iterator[AlarmID] | None = None
        self._oldest: list[tuple[int, AlarmID, Severity]] = []
        self.items: tuple[DigestItem, ...] | None = None
        """In the order of a digest; None until all were looked at."""

    def step(self) -> bool:
        """Look at some more; whether any is left."""
        if self._left is None:
            self._left = iter(list(self._among))
        some = list(islice(self._left, ALARMS_IN_A_SLICE))
        if not some:
            self.items = tuple(
                [new_tuple(DigestItem, (one, what, at_ns)) for at_ns, one, what in self._oldest]
            )
            return False
        alarms = self._alarms
        found = [
            (alarm.changed_at_ns, alarm_id, alarm.severity)
            for alarm_id in some
            if is_due(alarm := alarms[alarm_id])
        ]
        found.sort()
        # Two runs that are in order are merged, not sorted.
        self._oldest += found
        self._oldest.sort()
        del self._oldest[self._most :]
        return True
