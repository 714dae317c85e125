"""All actors together, nothing failing: from an event to its digest."""

from __future__ import annotations

import gc
import logging
from typing import TYPE_CHECKING

from pykka import ActorRegistry

from actors.checkpoints.checkpointer import CheckpointActor
from actors.checkpoints.recovery import RecoveryActor
from actors.checkpoints.store_caller import StoreCaller
from actors.publisher import PublisherActor
from actors.router.actor import RouterActor
from actors.rules.alarms import UserID
from tests.doubles import logged
from tests.unit.actors.world import CLEARED, CRITICAL, SUBJECTS, World

if TYPE_CHECKING:
    import pytest


def test_the_service_actors_start_those_first_that_are_depended_on() -> None:
    """Each behind who calls the store for it; those for what somebody waits for come second."""
    world = World()
    world.event("x")
    world.run()
    assert [ref.actor_class for ref in ActorRegistry.get_all()] == [
        StoreCaller,
        CheckpointActor,
        StoreCaller,
        CheckpointActor,
        StoreCaller,
        RecoveryActor,
        PublisherActor,
        RouterActor,
    ]


def test_an_event_is_acknowledged_once_it_is_durable() -> None:
    """And told by the next digest, once."""
    world = World()
    event = world.event("x")
    world.run()
    assert world.unsettled() == [event]
    world.run(0.25)
    assert world.unsettled() == []
    assert world.checkpoint("x").version == 1
    for _ in range(2):
        world.request("x")
        world.run(1.0)
    assert world.digests("x") == [["a WARNING"], []]
    assert world.unsettled() == []


def test_events_that_precede_a_request_are_in_its_digest() -> None:
    """Whatever order actors run in; those behind it are in the next."""
    for seed in range(20):
        world = World(seed=seed)
        world.event("x", "a")
        world.event("x", "b", CRITICAL, 4)
        world.request("x")
        world.event("x", "c")
        world.request("x")
        world.run(1.0)
        assert world.digests("x") == [["b CRITICAL", "a WARNING"], ["c WARNING"]]
        assert world.unsettled() == []


def test_users_do_not_mix() -> None:
    """An alarm id is the user's own."""
    world = World()
    world.event("x", "a")
    world.event("y", "a", CLEARED)
    for user in ("x", "y", "unknown"):
        world.request(user)
    world.run(1.0)
    assert world.digests("x") == [["a WARNING"]]
    assert world.digests("y") == world.digests("unknown") == [[]]


def test_many_events_of_many_users_are_few_writes() -> None:
    """Each user once in a group, no group above its maximum."""
    world = World(checkpoint_group_max=10)
    for number in range(200):
        world.event(f"user-{number % 25}", f"alarm-{number}")
    world.run(1.0)
    assert world.unsettled() == []
    for group in world.store.groups:
        users = [update.user_id for update in group]
        assert len(users) == len(set(users)) <= 10
    assert sum(len(group) for group in world.store.groups) <= 50
    assert len(world.store.groups) <= 20


def test_changes_within_an_interval_are_saved_together() -> None:
    """An interval after the first came."""
    world = World(checkpoint_interval_s=0.2)
    for at_ns in range(5, 15):
        world.event("x", at_ns=at_ns)
        world.run(0.01)
    assert world.store.saves_of(UserID("x")) == 0
    assert len(world.unsettled()) == 10
    world.run(0.15)
    assert world.store.saves_of(UserID("x")) == 1
    assert world.unsettled() == []


def test_users_that_come_together_are_loaded_together() -> None:
    """One query for many."""
    world = World()
    for number in range(50):
        world.event(f"user-{number}")
    world.run()
    assert len(world.store.loads) <= 25
    assert sum(len(load) for load in world.store.loads) == 50


def test_the_users_in_memory_are_bounded() -> None:
    """Those that left come back with everything that was known of them."""
    world = World(max_live_users=3)
    for number in range(20):
        world.event(f"user-{number}")
        world.run(0.5)
    assert world.live() <= 3 + 1
    for number in range(20):
        world.request(f"user-{number}")
        world.run(0.5)
        assert world.digests(f"user-{number}") == [["a WARNING"]]
    assert world.unsettled() == []


def test_nothing_is_lost_when_users_leave_and_come_back_all_the_time() -> None:
    """The handshake of messages, in many orders."""
    for seed in range(20):
        world = World(seed=seed, max_live_users=1)
        for number in range(30):
            world.event(f"user-{number % 3}", f"alarm-{number}", at_ns=number)
            if number % 7 == 0:
                world.run(0.01)
        for user in range(3):
            world.request(f"user-{user}")
        world.run(5.0)
        told = [sum(len(digest) for digest in world.digests(f"user-{user}")) for user in range(3)]
        assert told == [10, 10, 10]
        assert world.unsettled() == []


def test_idle_users_leave_memory() -> None:
    """All of them, once nothing is owed."""
    world = World(idle_timeout_s=10.0)
    for user in ("x", "y", "z"):
        world.event(user)
        world.request(user)
    world.run(5.0)
    assert world.live() == 3
    world.run(10.0)
    assert world.live() == 0
    world.event("x", "b")
    world.request("x")
    world.run(1.0)
    assert world.digests("x") == [["a WARNING"], ["b WARNING"]]


def test_a_cleared_alarm_is_forgotten_by_the_store_too() -> None:
    """With the first save after the retention."""
    world = World(cleared_retention_s=80)
    world.event("x", "a", CLEARED)
    world.run(100.0)
    world.event("x", "b")
    world.run(1.0)
    assert list(world.checkpoint("x").alarms) == ["b"]


def test_empty_digests_can_be_skipped() -> None:
    """The request is acknowledged all the same, and its redelivery recognised."""
    world = World(skip_empty_digests=True)
    world.request("x")
    world.event("x")
    world.run(1.0)
    assert world.digests("x") == []
    assert world.unsettled() == []
    world.request("x")
    world.run(1.0)
    assert world.digests("x") == [["a WARNING"]]


def test_a_digest_has_an_id_of_its_own() -> None:
    """By which the stream recognises a repeat."""
    world = World()
    for _ in range(2):
        world.request("x")
    world.run(1.0)
    ids = [
        item.headers["Nats-Msg-Id"]
        for item in world.broker.published
        if item.subject == SUBJECTS.alarm_digest
    ]
    assert ids == ["d1", "d2"]


def test_at_info_only_published_digests_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    """Nothing for each event."""
    caplog.set_level(logging.INFO)
    world = World(idle_timeout_s=1.0)
    for _ in range(3):
        world.event("x")
        world.request("x")
    world.run(10.0)
    assert logged(caplog.records, "actors.publisher") == [("INFO", "digest.published")] * 3
    assert len(caplog.records) == 3


def test_what_the_service_does_all_the_time_leaves_nothing_to_sweep() -> None:
    """Events, saves, digests, users that leave and come back: memory would grow for an hour."""

    def left_by(messages: int) -> int:
        world = World(max_live_users=5)
        for number in range(messages):
            world.event(f"user-{number % 20}", f"alarm-{number % 7}", at_ns=number)
            if number % 5 == 0:
                world.request(f"user-{number % 20}")
            world.run(0.05)
        world.run(1.0)
        found = gc.collect()
        del world
        gc.collect()
        return found

    gc.disable()
    try:
        left_by(40)
        assert left_by(400) <= left_by(40) + 20
    finally:
        gc.enable()
