"""CarefulPass: a pass that notes what it takes in hand, and takes no more until that is settled."""

from __future__ import annotations

import logging
from collections import deque
from enum import Enum, auto
from typing import TYPE_CHECKING

from actors.rejections import Rejection, RejectionKind
from actors.rules.ends import CAREFUL_FROM, Stretch, condemned
from actors.rules.positions import Place
from bus.inbound.careful.stretches import (
    IN_HAND_S,
    concerned,
    longest_stretch,
    next_stretch,
    rest_s,
    times_suspect,
)
from bus.inbound.log_pass import LogPass
from bus.inbound.log_source import LogMessages
from bus.wire.ownership import plain_partitions

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from actors.ports import Notes
    from bus.inbound.intake import Intake
    from bus.inbound.log_home import Home
    from bus.inbound.log_pass import PassOwner
    from bus.inbound.log_source import LogMessage, LogSource

logger = logging.getLogger("bus.reader")

FAR = 100_000
"""Messages behind which no former home can have come: more than is read until a position is saved
again. Where one has, the position has moved by then."""


class _Hand(Enum):
    """What is in hand."""

    EMPTY = auto()
    RESTING = auto()
    """Not yet anything."""
    NOTED_SOON = auto()
    """It waits for being noted."""
    FULL = auto()
    """It was handed on, and is not settled."""
    OVER = auto()
    """Nothing any more, which waits for being noted."""


class CarefulPass(LogPass):
    """See ``actors.rules.ends``. Reads up to where the log ended as it began, then is over."""

    def __init__(
        self,
        source: LogSource,
        owner: PassOwner,
        place: Place,
        intake: Intake,
        notes: Notes,
        over: Callable[[], None],
    ) -> None:
        """Stand at ``place``; ``over`` is called when there is no need for care any more."""
        super().__init__(source, owner, place)
        self._intake = intake
        self._notes = notes
        self._is_over = over
        self._read: deque[LogMessage] = deque()
        self._waiting = 0
        self._hand = _Hand.EMPTY
        self._hand_from = 0
        self._began_at = self.through
        self._goes_on = False
        self._until: int | None = None
        self._has_rested = False
        self.noted: set[int] = set()
        """The partitions of which something is noted as in hand."""

    def end(self) -> None:
        """See ``LogPass``: what is read and not in hand is read again."""
        super().end()
        self._intake.hurries = False
        self._read.clear()
        self._hand = _Hand.EMPTY

    def ask(self, messages: int, size_bytes: int) -> None:
        """See ``LogPass``; called also when something was settled."""
        if self.flows and self._until is None:
            self._until = min(self.log_end, self.through + FAR)
            if self._until > self.through:
                about = {"partitions": sorted(self.homes), "until": self._until}
                logger.warning("log.read_carefully", extra=about | {"after": self.through})
        self._go_on()
        room = 0 if self._read else min(messages, self._most)
        super().ask(room, size_bytes)

    def took(self, messages: LogMessages, waiting: int) -> None:
        """See ``ReadingCallbacks``."""
        self._read += messages
        self._waiting = waiting
        self._go_on()

    def _go_on(self) -> None:
        """Take in hand what comes next, unless something is; each step may lead here again."""
        if self._goes_on:
            return
        self._goes_on = True
        while self.flows and self._step():
            pass
        self._goes_on = False

    def _step(self) -> bool:
        """Do what is next; whether there may be more to do."""
        if self._hand is _Hand.FULL and not self._is_held():
            self._hand = _Hand.EMPTY
        if self._hand is not _Hand.EMPTY:
            return False
        if self._until is not None and self.through >= self._until:
            self._finish()
            return False
        return bool(self._read) and self._take_next()

    def _is_held(self) -> bool:
        """Whether any of what is in hand is unsettled; what was before may wait for a server."""
        return any(home.ledger.holds_from(self._hand_from) for home in self.homes.values())

    @property
    def _most(self) -> int:
        return longest_stretch(self.through - self._began_at)

    def _finish(self) -> None:
        """Have the end of all care be noted, but for who waits for the letter of a message.

        All others have passed that, its user's as well: of it nobody knows but who condemned it.
        """
        waits = [number for number, home in self.homes.items() if self._awaits_letter(home)]
        others = [number for number in self.homes if number not in waits]

        def end() -> None:
            self._note(dict.fromkeys(others), _Hand.OVER, self._is_over)

        if waits:
            self._note(dict.fromkeys(waits), _Hand.NOTED_SOON, end)
        else:
            end()

    def _awaits_letter(self, home: Home) -> bool:
        place = condemned(home.ends, self._notes.max_attempts)
        return place is not None and place.sequence > home.position().sequence

    def _take_next(self) -> bool:
        """Take what was read next, or have it noted first; see ``_step``."""
        if (home := self._condemning(self._read[0])) is not None:
            self._condemn(home, self._read.popleft())
            return True
        ends = [one.ends for one in self.homes.values()]
        stretch = next_stretch(self._read, ends, self._most)
        if self._is_early(stretch[0]):
            return False
        bars = {number: self.wanted.bars[number] for number in self.homes}
        subjects, bodies = [one.subject for one in stretch], [one.body for one in stretch]
        owners = plain_partitions(subjects, bodies, self._intake.subjects)
        numbers = concerned(owners, stretch, bars)
        if not numbers:
            self._take(stretch)
            return True
        in_hand = Stretch(stretch[0].sequence, self._place_of(stretch[-1]))
        notes = {number: in_hand if number in numbers else None for number in numbers | self.noted}
        self.noted = numbers
        self._note(notes, _Hand.NOTED_SOON, lambda: self._take_in_hand(stretch))
        return False

    def _is_early(self, message: LogMessage) -> bool:
        """Whether to wait a while before a suspect is taken in hand, the first one.

        Who is killed as it starts, again and again, must not seem to die of it; nor who is killed
        each time at any other moment.
        """
        times = times_suspect(message, [home.ends for home in self.homes.values()])
        if not times or self._has_rested:
            return False
        attempt = self._attempt

        def rested() -> None:
            if attempt == self._attempt:
                self._has_rested = True
                self._hand = _Hand.EMPTY
                self._go_on()

        self._hand = _Hand.RESTING
        self._source.call_later(rest_s(times), rested)
        return True

    def _note(
        self, in_hand: Mapping[int, Stretch | None], hand: _Hand, then: Callable[[], None]
    ) -> None:
        attempt = self._attempt

        def noted() -> None:
            if attempt == self._attempt:
                then()

        self._hand = hand
        self._notes.note(in_hand, noted, over=hand is _Hand.OVER)

    def _take_in_hand(self, stretch: list[LogMessage]) -> None:
        attempt, last = self._attempt, stretch[-1].sequence

        def is_no_poison() -> None:
            if attempt == self._attempt and self._hand is _Hand.FULL and self.through == last:
                self._hand = _Hand.EMPTY
                self._go_on()

        self._hand, self._hand_from = _Hand.FULL, stretch[0].sequence
        self._intake.hurries = self._goes_on = True
        self._take(stretch)
        self._goes_on = False
        self._source.call_later(IN_HAND_S, is_no_poison)
        self._go_on()

    def _take(self, stretch: list[LogMessage]) -> None:
        for _ in stretch:
            self._read.popleft()
        super().took(LogMessages.of(stretch), self._waiting + len(self._read))

    def _condemning(self, message: LogMessage) -> Home | None:
        place = self._place_of(message)
        for home in self.homes.values():
            if condemned(home.ends, self._notes.max_attempts) == place:
                return home
        return None

    def _condemn(self, home: Home, message: LogMessage) -> None:
        """Make a dead letter of a message, which nobody decodes."""
        if message.sequence > self.wanted.bars[home.number]:
            ends = home.ends.times + CAREFUL_FROM
            reason = f"{ends} processes in succession ended when they came to this message"
            about = {"sequence": message.sequence, "partition": home.number, "ends": ends}
            logger.error("message.deadly", extra=about)
            rejection = Rejection(RejectionKind.DEADLY, reason)
            self._intake.condemn(home.number, home.ledger, message, self.place, rejection)
        self.place = self._place_of(message)
        self.through = message.sequence

    def _place_of(self, message: LogMessage) -> Place:
        return Place(message.sequence, message.timestamp_ns, self.place.log)
