"""LogCheck: whether a log is still the one that places are of.

A broker that lost its tail hands sequences out again, to other messages, and a stream made anew
begins again at 1. What tells is the timestamp of the message at a place.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from actors.rules.positions import Place
from bus.inbound.log_source import LogFailure

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from bus.inbound.log_source import LogSource, LogState


class LogCheck:
    """Looks for the highest of several places that is in the log. Runs on the bus's thread.

    What a broker loses is its tail: where one place is still in the log, all below are.
    """

    def __init__(
        self,
        source: LogSource,
        places: Iterable[Place],
        done: Callable[[LogState, Place | None], None],
        failed: Callable[[LogFailure], None],
    ) -> None:
        """Check ``places``; tell ``done`` how the log stands, and where it ceases to be the one.

        That is None when all are of it, else the highest place that is, or the log's begin.
        """
        self._source = source
        self._done = done
        self._failed = failed
        self._places = sorted({place for place in places if place.sequence}, reverse=True)
        self._is_whole = True
        self._state: LogState

    def begin(self) -> None:
        """Ask the log."""
        self._source.state(self._on_state)

    def _on_state(self, state: LogState | LogFailure) -> None:
        if isinstance(state, LogFailure):
            self._failed(state)
            return
        self._state = state
        # A place of another log says nothing about this one, however low it is.
        of_it = [place for place in self._places if place.log == state.created]
        self._is_whole = len(of_it) == len(self._places)
        self._places = of_it
        self._next()

    def _next(self) -> None:
        """Go down to the highest place that may be in the log, and ask for its message."""
        created, first, last = self._state
        while self._places and self._places[0].sequence > last:
            self._give_up_highest()
        if not self._places:
            self._conclude(Place(0, 0, created))
        elif self._places[0].sequence < first:
            # A limit or a purge took it: what is behind it is all that there is to read.
            self._conclude(self._places[0])
        else:
            self._source.timestamp(self._places[0].sequence, self._on_timestamp)

    def _on_timestamp(self, timestamp_ns: int | LogFailure | None) -> None:
        if isinstance(timestamp_ns, LogFailure):
            self._failed(timestamp_ns)
        elif timestamp_ns == self._places[0].timestamp_ns:
            self._conclude(self._places[0])
        else:
            self._give_up_highest()
            self._next()

    def _give_up_highest(self) -> None:
        self._is_whole = False
        del self._places[0]

    def _conclude(self, good: Place) -> None:
        self._done(self._state, None if self._is_whole else good)
