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
    """Asks a log for the messages at some places. Runs on the bus's thread."""

    def __init__(
        self,
        source: LogSource,
        known: Iterable[Place],
        strange: Iterable[Place],
        done: Callable[[LogState, Place | None, frozenset[Place]], None],
        failed: Callable[[LogFailure], None],
    ) -> None:
        """Check places, those before every message excepted.

        ``known`` were of the log at one moment: what a broker loses is its tail, so where the
        highest is still in the log all are. ``strange`` may each be of another time, and say
        nothing about each other. ``done`` is told how the log stands, the highest of the known that
        is of it (the log's begin for none; None when all are), and which of the strange are not.
        """
        self._source = source
        self._known = sorted({place for place in known if place.sequence}, reverse=True)
        self._strange = {place for place in strange if place.sequence}
        self._done = done
        self._failed = failed
        self._state: LogState
        self._is_whole = True
        self._refused: set[Place] = set()
        self._unanswered = 0
        self._has_failed = False

    def begin(self) -> None:
        """Ask the log."""
        self._source.state(self._on_state)

    def _on_state(self, state: LogState | LogFailure) -> None:
        if isinstance(state, LogFailure):
            self._failed(state)
            return
        self._state = state
        of_it = [place for place in self._known if place.log == state.created]
        self._is_whole = len(of_it) == len(self._known)
        self._known = of_it
        self._refused = {place for place in self._strange if place.log != state.created}
        # What a limit or a purge took is not asked for: what is behind it is all there is to read.
        asked = [place for place in self._strange - self._refused if place.sequence >= state.first]
        self._unanswered = len(asked)
        if not asked:
            self._look_for_highest()
        for place in sorted(asked):
            self._ask_for_strange(place)

    def _ask_for_strange(self, place: Place) -> None:
        def answer(is_of_it: bool) -> None:
            if not is_of_it:
                self._refused.add(place)
            self._unanswered -= 1
            if not self._unanswered:
                self._look_for_highest()

        self._ask_for(place, answer)

    def _look_for_highest(self) -> None:
        if not self._known:
            self._conclude(Place(0, 0, self._state.created))
        elif self._known[0].sequence < self._state.first:
            self._conclude(self._known[0])
        else:
            self._ask_for(self._known[0], self._on_highest)

    def _on_highest(self, is_of_it: bool) -> None:
        if is_of_it:
            self._conclude(self._known[0])
        else:
            self._is_whole = False
            del self._known[0]
            self._look_for_highest()

    def _ask_for(self, place: Place, answer: Callable[[bool], None]) -> None:
        """Ask whether the message at a place is the one that was there."""

        def on_timestamp(timestamp_ns: int | LogFailure | None) -> None:
            if isinstance(timestamp_ns, LogFailure):
                self._fail(timestamp_ns)
            elif timestamp_ns == place.timestamp_ns:
                answer(True)  # noqa: FBT003  # the answer itself
            else:
                self._source.state(on_state)

        def on_state(state: LogState | LogFailure) -> None:
            if isinstance(state, LogFailure):
                self._fail(state)
            elif state.created != self._state.created:
                self._fail(LogFailure("the log was made anew meanwhile"))
            else:
                # A limit may have taken it since: then it is no other message's place.
                answer(place.sequence < state.first)

        self._source.timestamp(place.sequence, on_timestamp)

    def _fail(self, failure: LogFailure) -> None:
        if not self._has_failed:
            self._has_failed = True
            self._failed(failure)

    def _conclude(self, good: Place) -> None:
        if not self._has_failed:
            self._done(self._state, None if self._is_whole else good, frozenset(self._refused))
