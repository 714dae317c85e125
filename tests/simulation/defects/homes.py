"""Mistakes in homes and in the reading of the log: who works on whom, and from where."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from actors.homes.actor import HomeActor
from actors.publisher import PublisherActor
from actors.rules import holding, partitions
from actors.rules.positions import BEGIN, Ledger
from bus.inbound.intake import Intake
from bus.inbound.log_check import LogCheck
from bus.inbound.log_passes import LogPasses
from bus.inbound.log_reader import LogReader
from bus.wire import ownership
from store.homes.memory import InMemoryHomeStore
from tests.simulation.defects.defect import Defect
from tests.simulation.world.homes import StormyHomes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    import pytest

    from actors.rejections import RejectionKind
    from actors.rules.digest import DigestID
    from actors.rules.holding import Reconciled, State
    from actors.rules.partitions import HomePosition, InstanceID, Partition
    from actors.rules.positions import Place
    from bus.inbound.log_home import Home, Wanted
    from bus.inbound.log_source import LogFailure, LogMessages, LogSource, LogState
    from bus.subjects import Subjects

_attempt = PublisherActor._attempt
_claim = StormyHomes.claim
_join = LogPasses.join
_read = Intake.read


def _positions_may_fall(patch: pytest.MonkeyPatch) -> None:
    async def save(
        self: InMemoryHomeStore, me: InstanceID, positions: Sequence[HomePosition]
    ) -> int:
        mine = self._of(me, positions)
        for known, saved in mine:
            self._partitions[known.number] = known._replace(position=saved.position)
        return len(mine)

    patch.setattr(InMemoryHomeStore, "save_positions", save)


def _epochs_are_ignored(patch: pytest.MonkeyPatch) -> None:
    async def save(
        self: InMemoryHomeStore, _: InstanceID, positions: Sequence[HomePosition]
    ) -> int:
        for saved in positions:
            known = self._partitions[saved.number]
            if known.position.sequence <= saved.position.sequence:
                self._partitions[known.number] = known._replace(position=saved.position)
        return len(positions)

    patch.setattr(InMemoryHomeStore, "save_positions", save)


def _a_claim_takes_whatever_is_there(patch: pytest.MonkeyPatch) -> None:
    async def claim(self: InMemoryHomeStore, me: InstanceID, wanted: Sequence[Partition]) -> None:
        for partition in wanted:
            known = self._partitions[partition.number]
            self._partitions[known.number] = known._replace(home=me, epoch=known.epoch + 1)

    patch.setattr(InMemoryHomeStore, "claim", claim)


def _a_claim_whose_answer_is_lost_is_not_taken_up(patch: pytest.MonkeyPatch) -> None:
    confirmed: set[tuple[InstanceID, int, int]] = set()

    async def claim(self: StormyHomes, me: InstanceID, wanted: Sequence[Partition]) -> None:
        await _claim(self, me, wanted)
        confirmed.update((me, one.number, one.epoch + 1) for one in wanted)

    def reconcile(
        me: InstanceID,
        mine: Mapping[int, State],
        partitions: Iterable[Partition],
        *,
        leaving: bool,
    ) -> Reconciled:
        seen = [
            one
            if one.home != me or one.number in mine or (me, one.number, one.epoch) in confirmed
            else one._replace(home=None)
            for one in partitions
        ]
        return holding.reconcile(me, mine, seen, leaving=leaving)

    patch.setattr(StormyHomes, "claim", claim)
    patch.setattr("actors.homes.actor.reconcile", reconcile)


def _the_living_are_taken_for_dead(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("actors.rules.watching.LONGEST_GAP", 1000.0)


def _positions_pass_what_is_unsettled(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Ledger, "position", lambda _, read: read)


def _a_gained_partition_joins_where_the_reader_is(patch: pytest.MonkeyPatch) -> None:
    def join(self: LogPasses, gained: Sequence[Home]) -> None:
        if self._main is None:
            _join(self, gained)
            return
        for home in gained:
            self._main.add(home)

    patch.setattr(LogPasses, "join", join)


def _only_the_positions_message_is_verified(patch: pytest.MonkeyPatch) -> None:
    class OfPositions(LogCheck):
        def __init__(self, source: LogSource, known: Iterable[Place], *rest: Any) -> None:
            lowest = min((place for place in known if place.sequence), default=BEGIN)
            super().__init__(source, (lowest,), *rest)

    patch.setattr("bus.inbound.log_reader.LogCheck", OfPositions)


def _nothing_is_verified(patch: pytest.MonkeyPatch) -> None:
    def verify(self: LogReader, then: Callable[[LogState | LogFailure], None]) -> None:
        self._source.state(then)

    patch.setattr(LogReader, "verify", verify)


def _whose_a_message_is_is_read_two_ways(patch: pytest.MonkeyPatch) -> None:
    reader: list[Intake] = []
    known: list[Intake] = []

    def read(self: Intake, messages: LogMessages, wanted: Wanted, before: Place) -> None:
        if self not in known:
            known.append(self)
        reader[:] = [self]
        _read(self, messages, wanted, before)

    def of_rejected(subject: str, body: bytes, subjects: Subjects, kind: RejectionKind) -> int:
        number = ownership.partition_of_rejected(subject, body, subjects, kind)
        return (number + known.index(reader[0]) % 2) % partitions.PARTITIONS

    patch.setattr(Intake, "read", read)
    patch.setattr("bus.inbound.intake.partition_of_rejected", of_rejected)


def _a_zombie_publishes(patch: pytest.MonkeyPatch) -> None:
    def attempt(self: PublisherActor, name: DigestID) -> None:
        self._until_s = float("inf")
        _attempt(self, name)

    patch.setattr(PublisherActor, "_attempt", attempt)


def _what_is_lost_is_published_on(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(PublisherActor, "_forget", lambda *_: None)


def _a_fall_is_not_stored(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("actors.homes.actor.fall", lambda mine, _: mine)


def _nobody_is_ever_dead(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("actors.rules.watching.is_dead", lambda *_: False)
    patch.setattr("actors.rules.homes.is_dead", lambda *_: False)


def _positions_are_not_saved(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(HomeActor, "_save_positions", lambda _: None)


def _a_purge_across_two_logs(patch: pytest.MonkeyPatch) -> None:
    def purge_up_to(
        positions: Iterable[Place], _: str, __: Mapping[int, int], kept_from: int
    ) -> int | None:
        return min(kept_from, *(place.sequence for place in positions))

    patch.setattr("tests.simulation.world.purging.purge_up_to", purge_up_to)


def _what_was_in_hand_once_is_condemned(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(
        "bus.inbound.careful.reading.condemned",
        lambda ends, _: None if ends.suspect is None else ends.suspect.last,
    )


def _care_never_ends(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(LogPasses, "_end_care", lambda _: None)


DEFECTS = (
    Defect("positions may fall", 400, _positions_may_fall),
    Defect("a position of a former home lands", 25, _epochs_are_ignored),
    Defect("a position passes what is unsettled", 25, _positions_pass_what_is_unsettled),
    Defect("positions are saved at a stop only", 10, _positions_are_not_saved),
    Defect("a claim takes whatever is there", 25, _a_claim_takes_whatever_is_there),
    Defect(
        "a claim whose answer is lost is not taken up",
        50,
        _a_claim_whose_answer_is_lost_is_not_taken_up,
    ),
    Defect("after an election the living are taken for dead", 100, _the_living_are_taken_for_dead),
    Defect("nobody is ever taken for dead", 50, _nobody_is_ever_dead),
    Defect(
        "a gained partition joins where the reader is",
        50,
        _a_gained_partition_joins_where_the_reader_is,
    ),
    Defect("only the position's message is verified", 600, _only_the_positions_message_is_verified),
    Defect("whether the log is the one is not verified", 75, _nothing_is_verified),
    Defect("a fall of the positions is not stored", 75, _a_fall_is_not_stored),
    Defect("whose a message is, is read two ways", 600, _whose_a_message_is_is_read_two_ways),
    Defect("a purge by positions of another log", 400, _a_purge_across_two_logs),
    Defect("what was in hand once is condemned", 100, _what_was_in_hand_once_is_condemned),
    Defect("who reads with care never reads on", 25, _care_never_ends),
    Defect("a zombie publishes", 400, _a_zombie_publishes),
    Defect("what is lost is published on", 300, _what_is_lost_is_published_on),
)
