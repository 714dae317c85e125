"""LogReader: reads the log for the partitions that are at home here. A pure state machine.

One main pass reads on; a gained partition whose position is behind it is caught up by a second
pass beside it, which then gives it over.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from bus.connection.floods import FloodLog
from bus.inbound.log_check import LogCheck
from bus.inbound.log_home import Home
from bus.inbound.log_passes import LogPasses
from bus.inbound.log_source import LogFailure
from bus.wire.ownership import NOBODYS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from actors.ports import Notes
    from actors.rules.partitions import Partition
    from actors.rules.positions import Place
    from bus.inbound.intake import Intake
    from bus.inbound.log_pass import LogPass
    from bus.inbound.log_source import LogMessages, LogSource, LogState
    from bus.tally import BusTally

logger = logging.getLogger("bus.reader")

LOOK_S = 2.0
"""Between two looks at the log: is it the one, how much waits."""
_MEND = "make room in the dead-letter stream; until then this partition's users wait"


class LogReader:
    """See ``LogReading``. Everything runs on the bus's thread."""

    def __init__(
        self,
        source: LogSource,
        intake: Intake,
        tally: BusTally,
        fell: Callable[[Mapping[int, Place]], None],
    ) -> None:
        """Read nothing yet; ``fell`` is told of partitions read from below a stored position."""
        self._source = source
        self._intake = intake
        self._tally = tally
        self._fell = fell
        self._aside: Home | None = None
        self._is_within_stretch = False
        self._homes: dict[int, Home] = {}
        self._passes = LogPasses(source, self, intake)
        self._answers = self._is_refused = self._looks = False
        self._discards = FloodLog(self._tell_discards, source.call_later)
        self.waiting = 0
        """Messages in the log that were not looked at yet, as of the last delivery or look."""
        self.trouble: str | None = None
        """Why nothing is read, as far as is known; None where it is."""

    @property
    def able(self) -> bool:
        """See ``LogReading``."""
        return self._answers and not self._is_refused

    def note_with(self, notes: Notes) -> None:
        """See ``LogReading``."""
        self._passes.notes = notes

    @property
    def flows(self) -> bool:
        """Whether all that is to be read is read, or would be if there were room."""
        return self._answers and all(log_pass.flows for log_pass in self._passes)

    @property
    def place(self) -> Place | None:
        """Where the pass is that is the farthest behind; None when nothing is read."""
        return min((log_pass.place for log_pass in self._passes), default=None)

    def start(self) -> None:
        """Begin to look at the log now and then."""
        self._looks = True
        self._look()

    def close(self) -> None:
        """Read no more, for good; what is in flight may still be settled."""
        self._looks = False
        for home in self._homes.values():
            home.wanted = False
            home.leave()
        self._passes.end()
        self._discards.close()

    def gain(self, partitions: Sequence[Partition]) -> None:
        """See ``LogReading``."""
        self.drop([partition.number for partition in partitions if partition.number in self._homes])
        gained = [Home(partition) for partition in partitions]
        self._homes.update((home.number, home) for home in gained)
        if others := self._passes.begin_with_care(gained):
            self._begin(others)

    def stop(self, numbers: Iterable[int]) -> None:
        """See ``LogReading``."""
        for number in numbers:
            if (home := self._homes.get(number)) is not None:
                home.wanted = False
                home.leave()
        self._passes.end_idle()
        self.ask_for_more()

    def drop(self, numbers: Iterable[int]) -> None:
        """See ``LogReading``."""
        dropped = set(numbers)
        self.stop(dropped)
        for number in dropped:
            self._homes.pop(number, None)
        if dropped:
            self._intake.forget(dropped)

    def positions(self) -> Mapping[int, Place]:
        """See ``LogReading``."""
        return {number: home.position() for number, home in self._homes.items()}

    def unsettled(self, number: int) -> int:
        """See ``LogReading``."""
        home = self._homes.get(number)
        return 0 if home is None else len(home.ledger)

    def ask_for_more(self) -> None:
        """Have as much come as there is room for."""
        if not self._is_within_stretch:  # of which it is not known yet how far it is read
            self._mind_letters()
        room, room_bytes = self._intake.room, self._intake.room_bytes
        if self._aside is None:
            # All that comes may have to be rejected, and must not take the others' room.
            room = min(room, self._intake.letters.room)
            room_bytes = min(room_bytes, self._intake.letters.room_bytes)
        self._passes.ask(max(room, 0), max(room_bytes, 0))

    def verify(self, then: Callable[[LogState | LogFailure], None]) -> None:
        """See ``PassOwner``."""
        strangers = [home for home in self._homes.values() if home.is_strange]
        known: set[Place] = set()
        for home in self._homes.values():
            if not home.is_strange:
                read = home.read()
                known |= {read, home.ledger.position(read), home.reported}
        falls = self._tally.falls

        def done(state: LogState, good: Place | None, refused: frozenset[Place]) -> None:
            if falls != self._tally.falls:
                return  # its passes are ended, and it was about places that are given up
            for home in strangers:
                home.is_strange = False
            if good is None and not refused:
                self._answers = True
                then(state)
            else:
                self._fall(state.created, good, refused)

        def failed(failure: LogFailure) -> None:
            self._answers = False
            if falls == self._tally.falls:
                then(failure)

        strange = {home.through for home in strangers}
        LogCheck(self._source, known, strange, done, failed).begin()

    def verified(self, log_pass: LogPass) -> None:
        """See ``PassOwner``."""
        logger.debug("log.read", extra={"after": log_pass.place.sequence})
        self._tally.pull_resets += 1
        self._is_refused = False
        self.trouble = None
        self._passes.end_probe()
        self._passes.give_over()
        self.ask_for_more()

    def take(self, log_pass: LogPass, messages: LogMessages) -> None:
        """See ``PassOwner``."""
        self._is_within_stretch = True
        self._intake.read(messages, log_pass.wanted, log_pass.place)

    def moved(self, log_pass: LogPass, waiting: int) -> None:
        """See ``PassOwner``."""
        if self._passes.is_beside(log_pass):
            self._passes.give_over()
        else:
            self.waiting = waiting
        self._is_within_stretch = False
        self.ask_for_more()

    def lost(self, log_pass: LogPass, reason: str) -> None:
        """See ``PassOwner``."""
        self._is_refused = True
        self.trouble = reason
        about = {"after": log_pass.place.sequence, "reason": reason}
        logger.warning("log.reading_lost", extra=about)

    def discarded(self, first: int, last: int, messages: int) -> None:
        """See ``PassOwner``."""
        self._tally.discarded += messages
        self._discards.add(f"{messages} of {first} to {last}")

    def _begin(self, homes: Sequence[Home]) -> None:
        """Read for partitions that no pass reads for."""
        if self._passes.flows:
            self._join_verified(homes)
        else:
            self._passes.begin_with(homes)

    def _mind_letters(self) -> None:
        """Read on for all but the partition of what cannot be read while no more can be held."""
        home = self._homes.get(NOBODYS)
        if self._intake.letters.is_clogged:
            if home is not None and home.pass_ is not None:
                home.leave()
                self._aside = home
                self._passes.end_idle()
                about = {"partition": NOBODYS, "after": home.through.sequence, "mend": _MEND}
                logger.warning("dead_letters.share_full", extra=about)
        elif self._aside is not None:
            waits, self._aside = self._aside, None
            if self._is_unread(waits):
                logger.info("dead_letters.read_on", extra={"after": waits.through.sequence})
                self._begin([waits])

    def _is_unread(self, home: Home) -> bool:
        """Whether a partition is to be read, and no pass reads for it."""
        return home.wanted and home.pass_ is None and self._homes.get(home.number) is home

    def _join_verified(self, gained: Sequence[Home]) -> None:
        """Have them join what is under way, once their positions, of others, are found in it."""

        def then(state: LogState | LogFailure) -> None:
            joining = [home for home in gained if self._is_unread(home)]
            if not joining:
                return
            if isinstance(state, LogFailure):
                self._source.call_later(LOOK_S / 4, lambda: self._join_verified(joining))
            else:
                self._passes.join(joining)

        self.verify(then)

    def _fall(self, created: str, good: Place | None, refused: frozenset[Place]) -> None:
        """Read again what is not as it was: behind ``good`` what was read here is not in the log.

        ``refused`` are positions that others left and that were not of this log: of what is in it
        nothing is known to be settled.
        """
        self._passes.end()
        self._tally.falls += 1
        fell: dict[int, Place] = {}
        for number, home in self._homes.items():
            home.leave()
            if home.fall(created, good, refused):
                fell[number] = home.reported
        about = {
            "good_up_to": "all" if good is None else good.sequence,
            "positions_refused": len(refused),
            "partitions": len(fell),
            "stream_created": created,
        }
        logger.error("log.not_the_same", extra=about)
        if wanted := [home for home in self._homes.values() if home.wanted]:
            self._passes.begin_with(wanted)
        if fell:
            self._fell(fell)

    def _look(self) -> None:
        """Look at the log, and again after a while."""
        if not self._looks:
            return

        def then(state: LogState | LogFailure) -> None:
            if isinstance(state, LogFailure):
                for log_pass in self._passes:
                    if state.unreadable and log_pass.flows:
                        log_pass.troubled(state.reason)
                return
            passes = [log_pass for log_pass in self._passes if log_pass.flows]
            # What was read since it was asked is above its last one.
            self.waiting = max([0, *(state.last - log_pass.through for log_pass in passes)])
            for log_pass in passes:
                log_pass.steady()
            if self._is_refused:
                # Who has nothing to read would never learn that it could again.
                self._passes.probe()

        self.verify(then)
        self._source.call_later(LOOK_S, self._look)

    def _tell_discards(self, times: int, latest: str) -> None:
        about = {"discarded": self._tally.discarded, "times": times, "latest": latest}
        logger.error("log.discarded_unread", extra=about)
