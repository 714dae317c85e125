"""The home actor among others, in the cases that people ask about."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pytest

import actors.homes.actor as actor_module
from actors.messages.home import LookSoon
from actors.rules.holding import Held, Reconciled, State, reconcile
from actors.rules.partitions import PARTITIONS, InstanceID, Partition
from actors.rules.positions import BEGIN, Place
from tests.unit.actors.homes.process import LEASE_S, FarStore, Process
from tests.unit.actors.homes.store import Homes
from tests.unit.actors.homes.street import Street

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from actors.rules.partitions import Instance

ALL = frozenset(range(PARTITIONS))


def street_of(count: int) -> tuple[Street, list[Process]]:
    """Return so many processes that have shared the partitions out, started one by one."""
    street = Street()
    for _ in range(count):
        street.start()
        street.run(3.0)
    street.check_homes()
    return street, street.processes


def events(caplog: pytest.LogCaptureFixture, event: str) -> list[dict[str, Any]]:
    """Return the fields of each record of an event."""
    return [vars(record) for record in caplog.records if record.getMessage() == event]


def seconds_until_all_have_a_home(street: Street) -> float:
    """Go on until each partition has a home that is up, stays, and works on it."""
    begun_s = street.clock.monotonic_s()
    while True:
        street.run(0.05)
        taken_s = street.clock.monotonic_s() - begun_s
        try:
            street.check_homes()
        except AssertionError:
            assert taken_s < 20, "never"
        else:
            return taken_s


def test_alone_one_has_everything_at_once() -> None:
    """A beat, a look, a claim and a look: nobody is waited for."""
    street = Street()
    process = street.start()
    street.run(0.2)
    assert process.has() == process.publishes() == ALL
    assert process.tally.partitions == PARTITIONS
    assert process.tally.gained_free == PARTITIONS


@pytest.mark.parametrize(
    ("count", "shares"), [(2, [32, 32]), (3, [21, 21, 22]), (5, [12] + [13] * 4)]
)
def test_instances_share_the_partitions_out(count: int, shares: list[int]) -> None:
    """By themselves; and nothing moves that balance does not ask for."""
    street, processes = street_of(count)
    assert street.shares() == shares
    gained = sum(process.tally.gained_free for process in processes)
    joined = sum(PARTITIONS // number for number in range(2, count + 1))
    assert gained == PARTITIONS + joined
    assert processes[0].tally.instances == count


def test_a_killed_instance_is_replaced_within_the_lease_and_two_seconds() -> None:
    """By all others alike."""
    street, processes = street_of(3)
    processes[1].kill()
    assert seconds_until_all_have_a_home(street) <= LEASE_S + 2
    assert street.shares() == [32, 32]
    assert sum(process.tally.gained_from_dead for process in processes) == 21


def test_a_single_instance_that_was_killed_is_replaced_within_the_lease_and_two_seconds() -> None:
    """Its heir has never seen it beat."""
    street, processes = street_of(1)
    processes[0].kill()
    street.start()
    assert seconds_until_all_have_a_home(street) <= LEASE_S + 2


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


def test_after_an_orderly_stop_nobody_waits() -> None:
    """Positions are saved, partitions free, and the instance forgotten, before it says so."""
    street, processes = street_of(2)
    processes[0].leave()
    assert seconds_until_all_have_a_home(street) <= 0.6
    street.run(0.1)
    assert processes[0].left
    assert processes[0].tally.handed_over == PARTITIONS
    processes[1].leave()
    street.run(1.0)
    assert processes[1].left
    assert street.homes.instances == {}
    assert street.homes_of() == [None] * PARTITIONS
    street.start()
    street.run(0.2)
    street.check_homes()


def test_the_last_position_goes_along_when_a_partition_is_freed() -> None:
    """The next home reads from there."""
    street, [process] = street_of(1)
    reached = Place(77, 0)
    process.log.read[5] = reached
    process.leave()
    street.run(1.0)
    assert street.homes.partitions[5].position == reached


def test_users_that_take_too_long_are_left_when_others_wait_for_them() -> None:
    """After a second; they are read again."""
    street, processes = street_of(2)
    street.emptying_takes_s, left = 60.0, processes[0].has()
    processes[0].leave(patience_s=20.0)
    assert seconds_until_all_have_a_home(street) <= 1.6
    assert left <= set(processes[0].indoors.forgotten)
    assert left <= set(processes[0].indoors.dropped)


def test_users_may_take_as_long_as_the_stop_when_nobody_else_is_up() -> None:
    """What they are owed is published."""
    street, [process] = street_of(1)
    street.emptying_takes_s = 5.0
    process.leave(patience_s=20.0)
    street.run(4.9)
    assert process.publishes() == ALL
    street.run(0.5)
    assert process.left


def test_a_rolling_restart_of_three_moves_a_partition_twice() -> None:
    """At most 2.2 times on average."""
    street, processes = street_of(3)
    before = street.homes_of()
    moves = 0
    for old in list(processes):
        old.leave()
        for _ in range(100):
            street.run(0.05)
            after = street.homes_of()
            moves += sum(
                one != other and other is not None for one, other in zip(before, after, strict=True)
            )
            before = [new or old for new, old in zip(after, before, strict=True)]
            if old.left and len(street.up()) < 3:
                street.start()
    assert street.shares() == [21, 21, 22]
    assert moves / PARTITIONS <= 2.2


def test_a_planned_hand_over_leaves_no_partition_without_a_home_for_long() -> None:
    """From the moment at which it is read no more: users emptied, freed, nudged, claimed."""
    street, processes = street_of(1)
    street.start()
    unread: dict[int, float] = {}
    longest_s = 0.0
    for _ in range(400):
        street.run(0.01)
        read = {
            number
            for process in processes
            for number in process.log.read.keys() - process.log.stopped
        }
        for number in ALL:
            now_s = street.clock.monotonic_s()
            if number in read:
                longest_s = max(longest_s, now_s - unread.pop(number, now_s))
            else:
                unread.setdefault(number, now_s)
    assert street.shares() == [32, 32]
    assert 0 < longest_s < 0.6


def test_positions_are_saved_once_a_second_while_they_move() -> None:
    """And only those that do."""
    street, [process] = street_of(1)
    process.log.read[7] = Place(12, 0)
    street.run(1.1)
    positions = {item.number: item.position for item in street.homes.partitions}
    assert positions == {**dict.fromkeys(ALL, BEGIN), 7: Place(12, 0)}


def test_a_position_that_fell_is_lowered_and_moves_again() -> None:
    """The epoch rises, the home stays."""
    street, [process] = street_of(1)
    process.log.read[7] = Place(12, 0)
    street.run(1.1)
    epoch = street.homes.partitions[7].epoch
    process.fall()
    street.run(0.2)
    stored = street.homes.partitions[7]
    assert stored == Partition(7, process.instance_id, epoch + 1, BEGIN)
    process.log.read[7] = Place(3, 0)
    street.run(1.1)
    assert street.homes.partitions[7] == stored._replace(position=Place(3, 0))
    assert process.tally.lost == 0


def test_a_partition_that_was_rewound_is_read_again_from_there() -> None:
    """It was taken away for a moment: its users are dropped, and it comes again."""
    street, [process] = street_of(1)
    process.log.read[7] = Place(12, 0)
    street.run(1.1)
    stored = street.homes.partitions[7]
    street.homes.change(7, process.instance_id, stored.epoch, None, Place(2, 0))
    street.run(1.5)
    assert process.log.read[7] == Place(2, 0)
    assert process.indoors.dropped == process.indoors.forgotten == [7]
    assert (process.tally.lost, process.tally.gained_free) == (1, PARTITIONS + 1)


def test_a_store_that_is_away_takes_nothing_from_anybody() -> None:
    """Nobody is taken for dead; publishing waits, and goes on at once when it is back."""
    street, processes = street_of(3)
    homes, epochs = street.homes_of(), [item.epoch for item in street.homes.partitions]
    street.store_is_away = True
    street.run(12.0)
    assert all(process.publishes() == frozenset() for process in processes)
    street.store_is_away = False
    street.run(2.0)
    assert street.homes_of() == homes
    assert [item.epoch for item in street.homes.partitions] == [epoch + 1 for epoch in epochs]
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


def test_the_long_dead_are_forgotten() -> None:
    """After ten leases."""
    street, processes = street_of(2)
    processes[0].kill()
    street.run(9 * LEASE_S)
    assert processes[0].instance_id in street.homes.instances
    street.run(2 * LEASE_S)
    assert processes[0].instance_id not in street.homes.instances


class HoldingBack(Homes):
    """Lets the claims of one instance take effect only later."""

    slow: InstanceID | None = None

    def __init__(self) -> None:
        """Hold nothing back yet."""
        super().__init__()
        self.held_back: list[Sequence[Partition]] = []

    def claim(self, me: InstanceID, wanted: Sequence[Partition]) -> None:
        """See ``HomeStore``."""
        if me == self.slow:
            self.held_back.append(wanted)
        else:
            super().claim(me, wanted)

    def let_go(self) -> None:
        """Have what was held back take effect."""
        slow, self.slow = self.slow, None
        assert slow is not None
        for wanted in self.held_back:
            self.claim(slow, wanted)


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
    homes.let_go()
    street.run(3.0)
    return street


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


def test_more_instances_than_partitions_say_that_they_stand_by(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Once, and they get something when there is something."""
    caplog.set_level(logging.INFO, "actors.home")
    street = Street()
    for _ in range(PARTITIONS + 2):
        street.start()
    street.run(4.0)
    assert street.shares() == [0, 0] + [1] * PARTITIONS
    [first, second] = events(caplog, "home.standing_by")
    assert first["levelname"] == "INFO"
    assert second["instances"] == PARTITIONS + 2
    next(process for process in street.up() if process.has()).leave()
    street.run(1.0)
    assert street.shares() == [0] + [1] * PARTITIONS


def test_the_log_says_who_comes_and_goes(caplog: pytest.LogCaptureFixture) -> None:
    """By the contract's levels: life cycle, what starts and stops, and what is amiss."""
    caplog.set_level(logging.DEBUG, "actors.home")
    street, processes = street_of(2)
    assert [event["instance"] for event in events(caplog, "instance.joined")] == ["i1", "i0"]
    caplog.clear()
    processes[0].leave()
    street.run(2.0)
    [leaving] = events(caplog, "home.leaving")
    [left] = events(caplog, "home.left")
    [gone] = events(caplog, "instance.left")
    handed_over = events(caplog, "home.handed_over")
    gained = events(caplog, "home.gained")
    assert (
        sorted(number for event in handed_over for number in event["partitions"])
        == leaving["partitions"]
    )
    assert (
        sorted(number for event in gained for number in event["partitions"])
        == leaving["partitions"]
    )
    assert (leaving["levelname"], left["levelname"], gone["instance"]) == ("DEBUG", "INFO", "i0")
    caplog.clear()
    processes[1].pause()
    third = street.start()
    street.run(6.0)
    [dead] = events(caplog, "instance.dead")
    assert (dead["levelname"], dead["instance"]) == ("WARNING", "i1")
    assert dead["silence_s"] >= LEASE_S
    processes[1].resume()
    street.run(0.3)
    [lost] = events(caplog, "home.lost")
    [lapsed] = events(caplog, "home.lapsed")
    assert (lost["levelname"], lapsed["levelname"]) == ("WARNING", "WARNING")
    assert lost["partitions"] == sorted(ALL)
    assert third.tally.gained_from_dead == PARTITIONS


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


def test_whoever_has_gone_does_nothing_more() -> None:
    """Whatever it is told."""
    street, [process] = street_of(1)
    process.leave()
    street.run(1.0)
    changes = len(street.homes.changes)
    process.alive = True
    process.tell(LookSoon())
    street.run(5.0)
    assert street.homes.instances == {}
    assert len(street.homes.changes) == changes
