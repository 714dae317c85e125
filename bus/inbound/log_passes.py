"""LogPasses: the passes under way: one that reads on, one beside it for those that are behind."""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING

from actors.rules.positions import BEGIN
from bus.inbound.log_pass import LogPass

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bus.inbound.log_home import Home
    from bus.inbound.log_pass import PassOwner
    from bus.inbound.log_source import LogSource

_by_place = attrgetter("through.sequence")


class LogPasses:
    """Who is read for by which pass. Runs on the bus's thread."""

    def __init__(self, source: LogSource, owner: PassOwner) -> None:
        """Read for nobody."""
        self._source = source
        self._owner = owner
        self._main: LogPass | None = None
        self._late: LogPass | None = None
        self._probe: LogPass | None = None

    def __iter__(self) -> Iterator[LogPass]:
        """Return those that read for somebody."""
        return iter([one for one in (self._main, self._late) if one is not None])

    @property
    def flows(self) -> bool:
        """Whether the main pass is under way, so that others may join it."""
        return self._main is not None and self._main.flows

    def is_late(self, log_pass: LogPass) -> bool:
        """Whether a pass is the one for those that are behind."""
        return log_pass is self._late

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
        if self._main is not None and not self._main.homes:
            self._main, self._late = self._late, None

    def end(self) -> None:
        """End all."""
        for log_pass in self:
            log_pass.end()
        self._main = self._late = None
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
