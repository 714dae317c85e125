"""How far what is settled is behind the log: the lowest position at home here, and if it moves."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from actors.rules.positions import Place


class LogStanding(Protocol):
    """What is asked of the log's reader (``bus.inbound.log_reader.LogReader``)."""

    waiting: int
    """Messages of the log that were not looked at yet."""

    @property
    def place(self) -> Place | None:
        """How far the log is read; None when nothing is read."""

    def positions(self) -> Mapping[int, Place]:
        """Return how far each partition at home here is settled."""


class PositionLag(NamedTuple):
    """How far the lowest position at home here is behind."""

    messages: int
    """Of the log above it, whosever they are: what would be read again after a crash."""
    stands_s: float
    """For how long it has not moved though there are some."""


NO_LAG = PositionLag(0, 0.0)


class Positions:
    """Looks at the reader at each turn of the pulse. Runs on the event loop."""

    def __init__(
        self,
        log: Callable[[], LogStanding | None],
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """Look at what ``log`` returns; None where there is no log, or none yet."""
        self._log = log
        self._monotonic_s = monotonic_s
        self._lowest = 0
        self._since_s = monotonic_s()
        self._messages = 0

    def look(self) -> None:
        """Take in where the positions are; to be called every few seconds."""
        log = self._log()
        positions = {} if log is None else log.positions()
        lowest = min((place.sequence for place in positions.values()), default=0)
        end = lowest
        if log is not None and positions:
            place = 0 if log.place is None else log.place.sequence
            # Some of them may be read by a pass that is ahead of the one that is the last.
            end = max(place, *(one.sequence for one in positions.values())) + log.waiting
        self._messages = end - lowest
        if lowest != self._lowest or not self._messages:
            self._lowest = lowest
            self._since_s = self._monotonic_s()

    def lag(self) -> PositionLag:
        """Return how far the lowest position is behind, as of the last look."""
        if not self._messages:
            return NO_LAG
        return PositionLag(self._messages, self._monotonic_s() - self._since_s)
