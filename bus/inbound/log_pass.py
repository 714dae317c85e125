"""A pass through the log: how far it is, for whom it reads, and the reading under way."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Protocol

from actors.rules.positions import Ledger, Place
from actors.runtime.tuples import new_tuple
from bus.inbound.log_home import NOT_READ, Wanted
from bus.inbound.log_source import LogFailure

if TYPE_CHECKING:
    from collections.abc import Callable

    from bus.inbound.log_home import Home
    from bus.inbound.log_source import LogMessages, LogSource, LogState, Reading

logger = logging.getLogger("bus.reader")

PAUSE_INITIAL_S = 0.1
PAUSE_MAX_S = 2.0
"""Before another reading is tried: a server that refuses at once would be asked in a hot loop."""


class PassOwner(Protocol):
    """What a pass asks of the reader that it belongs to."""

    def verify(self, then: Callable[[LogState | LogFailure], None]) -> None:
        """Make sure that the log is the one that was read; ``then`` is told how it stands.

        Not told when it is another: all passes are ended, and the reader begins anew.
        """

    def verified(self, log_pass: LogPass) -> None:
        """Go on: the pass is bound to a log that is the one it was."""

    def take(self, log_pass: LogPass, messages: LogMessages) -> None:
        """Take a stretch of the log; the pass's place is still before it."""

    def moved(self, log_pass: LogPass, waiting: int) -> None:
        """Go on: the pass's place is behind what was taken, ``waiting`` messages from the end."""

    def lost(self, log_pass: LogPass, reason: str) -> None:
        """Note that the reading is over, and another will be tried."""

    def discarded(self, first: int, last: int, messages: int) -> None:
        """Note that so many messages within these sequences are gone, and were never read."""


class LogPass:
    """Reads on from a place until ``end``; one reading after the other. On the bus's thread.

    There is one way to recover: end the reading, begin another behind the place, and make sure
    first that the log is still the one that the place is of.
    """

    def __init__(self, source: LogSource, owner: PassOwner, place: Place) -> None:
        """Stand at ``place``; ``begin`` reads on."""
        self.place = place
        """Of the message looked at last."""
        self.through = place.sequence
        """Up to here nothing is left to be read: it was looked at, or is in the log no more."""
        self.log_end = 0
        """The last sequence of the log as the reading began."""
        self.homes: dict[int, Home] = {}
        """The partitions that it reads for."""
        self.wanted = Wanted.nothing(Ledger())
        self.flows = False
        """Whether messages come, or would if there were any and room for them."""
        self.in_trouble = False
        """Whether the last reading was lost, and none has begun since."""
        self._source = source
        self._owner = owner
        self._reading: Reading | None = None
        self._attempt = 0
        self._pause_s = PAUSE_INITIAL_S

    def add(self, home: Home) -> None:
        """Read for a partition as well, what is above both its place and the pass's."""
        self.homes[home.number] = home
        self.wanted.bars[home.number] = home.through.sequence
        self.wanted.ledgers[home.number] = home.ledger
        home.pass_ = self

    def remove(self, home: Home) -> None:
        """Read for a partition no more."""
        del self.homes[home.number]
        self.wanted.bars[home.number] = NOT_READ

    def begin(self) -> None:
        """Begin a reading behind the place."""
        self.end()
        self._reading = self._source.begin(self.place.sequence, self)

    def end(self) -> None:
        """Read no more; what was asked for is not waited for."""
        self._attempt += 1
        self.flows = False
        if self._reading is not None:
            self._reading.end()
            self._reading = None

    def ask(self, messages: int, size_bytes: int) -> None:
        """Say how much there is room for now."""
        if self.flows and self._reading is not None:
            self._reading.ask(messages, size_bytes)

    def steady(self) -> None:
        """Note that the reading has held for a while: the next trouble is a first one."""
        if self.flows:
            self._pause_s = PAUSE_INITIAL_S

    def opened(self) -> None:
        """See ``ReadingCallbacks``: what the log says from here on is true of the reading."""
        attempt = self._attempt

        def verified(state: LogState | LogFailure) -> None:
            if attempt != self._attempt:
                return
            if isinstance(state, LogFailure):
                self.troubled(state.reason)
                return
            self.place = self.place._replace(log=state.created)
            self.log_end = state.last
            self._skip_to(state.first)
            self.flows = True
            self.in_trouble = False
            self._owner.verified(self)

        self._owner.verify(verified)

    def took(self, messages: LogMessages, waiting: int) -> None:
        """See ``ReadingCallbacks``."""
        self._pause_s = PAUSE_INITIAL_S
        _, _, _, sequence, timestamp_ns = messages[-1]
        missing = sequence - self.through - len(messages)
        if missing:
            self._owner.discarded(self.through + 1, sequence - 1, missing)
        self._owner.take(self, messages)
        self.place = new_tuple(Place, (sequence, timestamp_ns, self.place.log))
        self.through = sequence
        self._owner.moved(self, waiting)

    def troubled(self, reason: str) -> None:
        """See ``ReadingCallbacks``: begin another reading, after a pause."""
        self.end()
        self.in_trouble = True
        attempt = self._attempt

        def again() -> None:
            if attempt == self._attempt:
                self.begin()

        self._source.call_later(self._pause_s, again)
        self._pause_s = min(self._pause_s * 2, PAUSE_MAX_S)
        self._owner.lost(self, reason)

    def _skip_to(self, first: int) -> None:
        """Go on at the log's first message, where what comes behind the place is gone."""
        if first - 1 <= self.through:
            return
        # Behind no place at all nothing is missed: reading begins at the first message.
        if self.place.sequence:
            self._owner.discarded(self.through + 1, first - 1, first - 1 - self.through)
        self.through = first - 1
