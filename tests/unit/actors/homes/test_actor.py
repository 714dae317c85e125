"""The home actor among others, in the cases that people ask about."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from actors.messages.home import LookSoon
from actors.rules.partitions import PARTITIONS, InstanceID
from actors.rules.positions import Place
from tests.unit.actors.homes.process import LEASE_S
from tests.unit.actors.homes.street import Street, street_of

ALL = frozenset(range(PARTITIONS))


def events(caplog: pytest.LogCaptureFixture, event: str) -> list[dict[str, Any]]:
    """Return the fields of each record of an event."""
    return [vars(record) for record in caplog.records if record.getMessage() == event]


def up(street: Street) -> set[InstanceID]:
    """Return the instances that the store knows."""
    return {instance.instance_id for instance in street.view().instances}


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
    assert street.view().instances == ()
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
    assert street.view().partitions[5].position == reached


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


def test_what_patience_ran_out_on_is_told_when_nobody_else_is_up() -> None:
    """So that a stop that left something undone does not look like one that did not."""
    street, [process] = street_of(1)
    street.emptying_takes_s = 60.0
    process.log.in_flight[5] = 3
    process.leave(patience_s=2.0)
    street.run(3.0)
    assert (process.left, process.unfinished) == (True, 3)


def test_what_others_take_over_is_not_left_undone() -> None:
    """They read it again."""
    street, processes = street_of(2)
    street.emptying_takes_s = 60.0
    for number in processes[0].has():
        processes[0].log.in_flight[number] = 3
    processes[0].leave(patience_s=20.0)
    street.run(3.0)
    assert (processes[0].left, processes[0].unfinished) == (True, 0)


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


def test_the_long_dead_are_forgotten() -> None:
    """After ten leases."""
    street, processes = street_of(2)
    processes[0].kill()
    street.run(9 * LEASE_S)
    assert processes[0].instance_id in up(street)
    street.run(2 * LEASE_S)
    assert processes[0].instance_id not in up(street)


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
    assert LEASE_S <= dead["silence_s"] < LEASE_S + 0.1, "nobody waits for the next round"
    processes[1].resume()
    street.run(0.3)
    [lost] = events(caplog, "home.lost")
    [lapsed] = events(caplog, "home.lapsed")
    assert (lost["levelname"], lapsed["levelname"]) == ("WARNING", "WARNING")
    assert lost["partitions"] == sorted(ALL)
    assert third.tally.gained_from_dead == PARTITIONS


def test_whoever_has_gone_does_nothing_more() -> None:
    """Whatever it is told."""
    street, [process] = street_of(1)
    process.leave()
    street.run(1.0)
    changes = len(street.changes)
    process.alive = True
    process.tell(LookSoon())
    street.run(5.0)
    assert street.view().instances == ()
    assert len(street.changes) == changes
