"""The home actor when something is amiss: store, log, sleep, late claims."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import actors.homes.actor as actor_module
from actors.messages.home import LookSoon, PositionsSaved, UsersDoubted
from actors.rules.holding import Freed, Held, Reconciled, State, reconcile
from actors.rules.partitions import PARTITIONS, InstanceID, Partition
from actors.rules.positions import BEGIN, Place
from store.homes.memory import InMemoryHomeStore
from tests.unit.actors.homes.process import LEASE_S, FarStore
from tests.unit.actors.homes.street import Street, at_once, street_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from actors.rules.partitions import HomePosition, Instance

ALL = frozenset(range(PARTITIONS))


class HoldingBack(InMemoryHomeStore):
    """Lets the claims of one instance take effect only later."""

    slow: InstanceID | None = None

    def __init__(self) -> None:
        """Hold nothing back yet."""
        super().__init__()
        self.held_back: list[Sequence[Partition]] = []

    async def claim(self, me: InstanceID, wanted: Sequence[Partition]) -> None:
        """See ``HomeStore``."""
        if me == self.slow:
            self.held_back.append(wanted)
        else:
            await super().claim(me, wanted)

    async def let_go(self) -> None:
        """Have what was held back take effect."""
        slow, self.slow = self.slow, None
        assert slow is not None
        for wanted in self.held_back:
            await self.claim(slow, wanted)


def _wakes_while_a_claim_is_under_way() -> Street:
    homes = HoldingBack()
    street = Street(homes=homes)
    sleeper = street.start()
    street.run(3.0)
    other = street.start()
    street.run(3.0)
    homes.slow = other.instance_id
    sleeper.pause()
    while not homes.held_back:
        street.run(0.01)
    sleeper.resume()
    street.run(0.3)
    at_once(homes.let_go())
    street.run(3.0)
    return street


def test_positions_are_saved_once_a_second_while_they_move() -> None:
    """And only those that do."""
    street, [process] = street_of(1)
    process.log.read[7] = Place(12, 0)
    street.run(1.1)
    positions = {item.number: item.position for item in street.view().partitions}
    assert positions == {**dict.fromkeys(ALL, BEGIN), 7: Place(12, 0)}


def test_a_position_that_fell_is_lowered_and_moves_again() -> None:
    """The epoch rises, the home stays."""
    street, [process] = street_of(1)
    process.log.read[7] = Place(12, 0)
    street.run(1.1)
    epoch = street.view().partitions[7].epoch
    process.fall()
    street.run(0.2)
    stored = street.view().partitions[7]
    assert stored == Partition(7, process.instance_id, epoch + 1, BEGIN)
    process.log.read[7] = Place(3, 0)
    street.run(1.1)
    assert street.view().partitions[7] == stored._replace(position=Place(3, 0))
    assert process.tally.lost == 0


def test_a_partition_that_was_rewound_is_read_again_from_there() -> None:
    """It was taken away for a moment: its users are dropped, and it comes again."""
    street, [process] = street_of(1)
    process.log.read[7] = Place(12, 0)
    street.run(1.1)
    stored = street.view().partitions[7]
    at_once(street.homes.rewind([stored], Place(2, 0)))
    street.run(1.5)
    assert process.log.read[7] == Place(2, 0)
    assert process.indoors.dropped == process.indoors.forgotten == [7]
    assert (process.tally.lost, process.tally.gained_free) == (1, PARTITIONS + 1)


def test_a_store_that_is_away_takes_nothing_from_anybody() -> None:
    """Nobody is taken for dead; publishing waits, and goes on at once when it is back."""
    street, processes = street_of(3)
    homes, epochs = street.homes_of(), [item.epoch for item in street.view().partitions]
    street.store_is_away = True
    street.run(12.0)
    assert all(process.publishes() == frozenset() for process in processes)
    street.store_is_away = False
    street.run(2.0)
    assert street.homes_of() == homes
    assert [item.epoch for item in street.view().partitions] == [epoch + 1 for epoch in epochs]
    assert frozenset().union(*(process.publishes() for process in processes)) == ALL
    assert all(process.tally.lapses == 1 for process in processes)
    assert all(process.tally.beats_missed > 5 for process in processes)


def test_an_instance_that_cannot_read_the_log_gives_its_partitions_away() -> None:
    """After a lease, and gets a share again when it can."""
    street, processes = street_of(2)
    processes[0].log.able = False
    street.run(2.0)
    assert street.shares() == [32, 32]
    street.run(6.0)
    assert processes[1].has() == ALL
    processes[0].log.able = True
    street.run(5.0)
    assert street.shares() == [32, 32]


class HoldingFreed(InMemoryHomeStore):
    """Lets what is freed take effect only later."""

    def __init__(self) -> None:
        """Hold nothing back yet."""
        super().__init__()
        self.held_back: list[tuple[InstanceID, Sequence[HomePosition]]] = []

    async def free(self, me: InstanceID, positions: Sequence[HomePosition]) -> None:
        """See ``HomeStore``."""
        self.held_back.append((me, positions))

    async def let_go(self) -> None:
        """Have what was held back take effect."""
        for me, positions in self.held_back:
            await super().free(me, positions)


def _frees_what_takes_effect_late() -> Street:
    homes = HoldingFreed()
    street = Street(homes=homes)
    street.start()
    street.run(3.0)
    taker = street.start()
    while not homes.held_back:
        street.run(0.01)
    # Whoever took the partitions up again would now hand them over again, for a second.
    street.emptying_takes_s = 60.0
    street.run(0.5)
    at_once(homes.let_go())
    taker.tell(LookSoon())
    street.run(0.2)
    assert taker.has()
    return street


def test_what_is_freed_late_is_freed_once_and_not_worked_on() -> None:
    """Whatever the looks in between show."""
    street = _frees_what_takes_effect_late()
    assert street.processes[0].tally.gained_free == PARTITIONS


def test_what_was_freed_and_is_taken_up_again_would_have_two_publish(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A defect that is planted: to believe the store about what was given away."""

    def take_up(
        me: InstanceID, mine: Mapping[int, State], partitions: Sequence[Partition], *, leaving: bool
    ) -> Reconciled:
        kept = {number: state for number, state in mine.items() if not isinstance(state, Freed)}
        return reconcile(me, kept, partitions, leaving=leaving)

    monkeypatch.setattr(actor_module, "reconcile", take_up)
    with pytest.raises(AssertionError, match="two published at a time"):
        _frees_what_takes_effect_late()


def test_a_claim_that_was_decided_before_a_late_beat_is_refused() -> None:
    """The sleeper's first look still shows all as its own: its epochs rise before it publishes."""
    street = _wakes_while_a_claim_is_under_way()
    assert street.shares() == [32, 32]
    assert all(process.tally.lost == 0 for process in street.processes)


def test_without_a_new_epoch_a_claim_under_way_would_have_two_publish(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A defect that is planted: to believe a look that began after the lapse."""

    def believe(
        me: InstanceID, mine: Mapping[int, State], partitions: Sequence[Partition], *, leaving: bool
    ) -> Reconciled:
        found = reconcile(me, mine, partitions, leaving=leaving)
        unfenced = {
            number: state._replace(fence=None) if isinstance(state, Held) else state
            for number, state in found.mine.items()
        }
        return found._replace(mine=unfenced)

    monkeypatch.setattr(actor_module, "reconcile", believe)
    with pytest.raises(AssertionError, match="two published at a time"):
        _wakes_while_a_claim_is_under_way()


def test_an_error_that_is_no_outage_ends_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """A defect of the adapter, or a right that it lacks, is said and not tried for ever."""

    async def beat(self: FarStore, instance: Instance) -> None:
        del self
        raise ValueError(instance)

    monkeypatch.setattr(FarStore, "beat", beat)
    street = Street()
    street.start()
    with pytest.raises(AssertionError, match="HomeActor crashed: ValueError"):
        street.run(1.0)


def test_a_frozen_instance_is_replaced_and_finds_that_out_before_it_publishes() -> None:
    """Its publisher's time has run out; its users are dropped without a word."""
    street, processes = street_of(2)
    frozen = processes[0]
    frozen.pause()
    street.run(10.0)
    assert processes[1].has() == ALL
    assert frozen.publishes() == frozenset()
    frozen.resume()
    street.run(0.3)
    assert (frozen.tally.lost, frozen.tally.lapses) == (32, 1)
    street.run(5.0)
    assert street.shares() == [32, 32]


def test_a_stop_waits_for_a_store_that_is_away() -> None:
    """How long, is for the stop to say; what is left to do is done when the store is back."""
    street, [process] = street_of(1)
    street.store_is_away = True
    process.leave()
    street.run(10.0)
    assert street.up() == [process]
    street.store_is_away = False
    street.run(2.0)
    assert process.left
    assert street.view().instances == ()
    assert street.homes_of() == [None] * PARTITIONS


def test_many_nudges_make_many_look_and_few_write() -> None:
    """A beat that is recent will do."""
    street, [process] = street_of(1)
    before = process.home._beats.me.beat
    for _ in range(50):
        process.tell(LookSoon())
        street.run(0.06)
    assert process.home._round > 50
    assert process.home._beats.me.beat - before <= 3.0 / (LEASE_S / 8) + 1


def test_a_nudge_in_the_middle_of_a_round_is_followed_by_another() -> None:
    """The look that is under way may not show what it is about."""
    street, [process] = street_of(1)
    process.tell(LookSoon())
    street.dispatcher.run_until_idle()
    number = process.home._round
    process.tell(LookSoon())
    street.run(0.1)
    assert process.home._round == number + 1


def test_a_position_that_was_refused_has_one_look() -> None:
    """The partition may be somebody else's."""
    street, [process] = street_of(1)
    street.run(0.3)
    number = process.home._round
    process.tell(PositionsSaved(sent=3, matched=3))
    street.dispatcher.run_until_idle()
    assert process.home._round == number
    process.tell(PositionsSaved(sent=3, matched=2))
    street.dispatcher.run_until_idle()
    assert process.home._round == number + 1


def test_what_may_have_been_overwritten_is_read_again_from_the_stored_position() -> None:
    """It stays at home at its epoch; what was read beyond, and is not saved, comes again."""
    street, [process] = street_of(1)
    process.log.read[7] = Place(12, 0)
    street.run(1.1)
    process.log.read[7] = Place(15, 0)
    epochs = [item.epoch for item in street.view().partitions]
    process.tell(UsersDoubted())
    street.run(0.01)
    assert process.log.read == {**dict.fromkeys(ALL, BEGIN), 7: Place(12, 0)}
    assert process.has() == ALL
    assert process.indoors.admitted == ALL
    street.run(1.0)
    assert [item.epoch for item in street.view().partitions] == epochs


def test_what_is_handed_over_is_not_read_again() -> None:
    """The next home loads its users anyway."""
    street, [process] = street_of(1)
    street.run(1.1)
    process.leave()
    street.run(0.01)
    process.tell(UsersDoubted())
    street.run(5.0)
    assert not process.log.read
