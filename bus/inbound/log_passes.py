"""LogPasses: those under way: one that reads on, beside it one for those behind, one with care."""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING

from actors.rules.positions import BEGIN
from bus.inbound.careful.reading import CarefulPass
from bus.inbound.log_pass import LogPass

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from actors.ports import Notes
    from bus.inbound.intake import Intake
    from bus.inbound.log_home import Home
    from bus.inbound.log_pass import PassOwner
    from bus.inbound.log_source import LogSource

_by_place = attrgetter("through.sequence")


class LogPasses:
    """Who is read for by which pass. Runs on the bus's thread."""

    def __init__(self, source: LogSource, owner: PassOwner, intake: Intake) -> None:
        """Read for nobody."""
        self._intake = intake
        self.notes: Notes | None = None
        """With whom a pass with care notes what it has in hand; without, there is none."""
        self._source = source
        self._owner = owner
        self._main: LogPass | None = None
        self._late: LogPass | None = None
        self._careful: CarefulPass | None = None
        self._probe: LogPass | None = None

    def __iter__(self) -> Iterator[LogPass]:
        """Return those that read for somebody."""
        passes = (self._main, self._late, self._careful)
        return iter([one for one in passes if one is not None])

    @property
    def flows(self) -> bool:
        """Whether the main pass is under way, so that others may join it."""
        return self._main is not None and self._main.flows

    def is_beside(self, log_pass: LogPass) -> bool:
        """Whether a pass is not the main one."""
        return log_pass is not self._main

    def begin_with(self, gained: Sequence[Home]) -> None:
        """Have the main pass, which has not begun, begin for these as well: it may begin lower."""
        homes = list(gained)
        if self._main is not None:
            self._main.end()
            homes += self._main.homes.values()
        self._main = self._pass_for(homes)

    def join(self, gained: Sequence[Home]) -> None:
        """Have those join that are not behind the main pass, and the others be caught up."""
        if self._main is None:
            self.begin_with(gained)
            return
        behind = []
        for home in gained:
            if home.through.sequence >= self._main.place.sequence:
                self._main.add(home)
            else:
                behind.append(home)
        if not behind:
            return
        if self._late is not None:
            # What it has under way goes with it: it would lack what the others want.
            self._late.end()
            behind += self._late.homes.values()
        self._late = self._pass_for(behind)

    def begin_with_care(self, gained: Sequence[Home]) -> Sequence[Home]:
        """Have those read with care for which that is due, then as the others; return the others.

        Who had one that is doubtful has most likely had all, and need not have died of that one.
        """
        if self.notes is None or not any(home.is_doubtful for home in gained):
            return gained
        homes = [home for home in gained if home.is_doubtful or home.ends.homes]
        others = [home for home in gained if home not in homes]
        noted: set[int] = set()
        if self._careful is not None:
            self._careful.end()
            homes += self._careful.homes.values()
            noted = self._careful.noted
        for home in homes:
            home.leave()
        lowest = min(homes, key=_by_place).through
        of = self._source, self._owner, lowest, self._intake, self.notes
        self._careful = CarefulPass(*of, self._end_care)
        self._careful.noted = noted
        for home in homes:
            self._careful.add(home)
        self._careful.begin()
        return others

    def _end_care(self) -> None:
        careful, self._careful = self._careful, None
        if careful is not None:
            careful.end()
            homes = list(careful.homes.values())
            for home in homes:
                home.leave()
            self.join(homes)

    def give_over(self) -> None:
        """Have the main pass read for those that were caught up, once all of them are."""
        main, late = self._main, self._late
        if main is None or late is None or late.through < main.place.sequence:
            return
        late.end()
        self._late = None
        for home in list(late.homes.values()):
            home.leave()
            main.add(home)

    def ask(self, room: int, room_bytes: int) -> None:
        """Share out how much there is room for."""
        passes = list(self)
        for log_pass in passes:
            log_pass.ask(-(-room // len(passes)), room_bytes // len(passes))

    def end_idle(self) -> None:
        """End those that read for nobody any more."""
        for log_pass in self:
            if not log_pass.homes:
                log_pass.end()
        if self._late is not None and not self._late.homes:
            self._late = None
        if self._careful is not None and not self._careful.homes:
            self._careful = None
        if self._main is not None and not self._main.homes:
            self._main, self._late = self._late, None

    def end(self) -> None:
        """End all."""
        for log_pass in self:
            log_pass.end()
        self._main = self._late = self._careful = None
        self.end_probe()

    def probe(self) -> None:
        """Try whether the log can be read at all, for nobody."""
        if self._probe is None and self._main is None:
            self._probe = LogPass(self._source, self._owner, BEGIN)
            self._probe.begin()

    def end_probe(self) -> None:
        """Leave it at that."""
        if self._probe is not None:
            self._probe.end()
            self._probe = None

    def _pass_for(self, homes: Sequence[Home]) -> LogPass:
        """Begin a pass at the lowest place of some partitions."""
        self.end_probe()
        for home in homes:
            home.leave()
        log_pass = LogPass(self._source, self._owner, min(homes, key=_by_place).through)
        for home in homes:
            log_pass.add(home)
        log_pass.begin()
        return log_pass
