"""All actors together, something failing: nothing lost, nothing repeated, the others go on."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

from actors.errors import PublishFailedError
from actors.rules.alarms import UserID
from actors.rules.partitions import PARTITIONS
from tests.doubles import SaveFault, logged
from tests.unit.actors.world import CRITICAL, SUBJECTS, World

if TYPE_CHECKING:
    from collections.abc import Callable

X = UserID("x")


def _fails(times: int, subject: str) -> Callable[[str], PublishFailedError | None]:
    """Return a broker's fault: so many publications to a subject fail."""
    left = [times]

    def fault(published_to: str) -> PublishFailedError | None:
        if published_to != subject or not left[0]:
            return None
        left[0] -= 1
        return PublishFailedError("no responders")

    return fault


@pytest.mark.parametrize("fault", list(SaveFault))
def test_an_unavailable_store_delays_and_loses_nothing(fault: SaveFault) -> None:
    """Whether the saves that failed took effect or not; nothing is acknowledged meanwhile."""
    world = World()
    world.store.save_faults = [fault] * 3
    sequence = world.event("x")
    world.run()
    assert world.unsettled() == [sequence]
    world.run(10.0)
    world.request("x")
    world.run(10.0)
    assert world.digests("x") == [["a WARNING"]]
    assert world.unsettled() == []


@pytest.mark.parametrize("fault", list(SaveFault))
def test_a_digest_whose_save_fails_is_published_once(fault: SaveFault) -> None:
    """Also when the save took effect, and its repetition conflicts with itself."""
    for seed in range(20):
        world = World(seed=seed)
        world.event("x")
        world.run(1.0)
        world.store.save_faults = [fault] * 2
        world.request("x")
        world.run(20.0)
        assert world.digests("x") == [["a WARNING"]]
        assert world.unsettled() == []
        assert world.checkpoint("x").cursor.number == 1


def test_a_store_that_cannot_be_read_for_a_while_delays_only() -> None:
    """What comes is stashed until it can."""
    world = World()
    world.store.load_faults = 5
    world.event("x")
    world.request("x")
    world.run()
    assert world.digests("x") == []
    world.run(20.0)
    assert world.digests("x") == [["a WARNING"]]
    assert world.unsettled() == []


def test_the_store_is_not_stormed_while_it_is_away(caplog: pytest.LogCaptureFixture) -> None:
    """Each wait is longer than the last, up to a maximum; each is logged as a warning."""
    world = World(retry_wait_initial_s=0.1, retry_wait_max_s=5.0)
    world.store.save_faults = [SaveFault.BEFORE_IT_TOOK_EFFECT] * 1000
    world.event("x")
    world.run(60.0)
    attempts = len(world.store.groups)
    assert 12 <= attempts <= 40
    warnings = [("WARNING", "checkpoint.retried")] * attempts
    assert logged(caplog.records, "actors.checkpointer") == warnings


def test_a_publication_that_fails_is_tried_again_under_the_same_id() -> None:
    """The request waits for it."""
    world = World()
    world.broker.fault = _fails(3, SUBJECTS.alarm_digest)
    world.event("x")
    request = world.request("x")
    world.run()
    assert request in world.unsettled()
    world.run(20.0)
    assert world.digests("x") == [["a WARNING"]]
    assert world.unsettled() == []


def test_two_processes_that_hold_one_user_lose_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """The loser of a compare-and-set reloads and applies its events again."""
    first = World()
    first.event("x", "a")
    first.run(1.0)
    second = World(before=first, seed=1)
    second.event("x", "b", CRITICAL, 6)
    second.run(1.0)
    first.event("x", "c", at_ns=7)
    first.run(1.0)
    assert sorted(first.checkpoint("x").alarms) == ["a", "b", "c"]
    second.request("x")
    second.run(1.0)
    first.request("x")
    first.run(1.0)
    assert first.digests("x") == [["a WARNING", "b CRITICAL", "c WARNING"], []]
    assert first.unsettled() == []
    conflicts = logged(caplog.records, "actors.user")
    assert conflicts == [("WARNING", "checkpoint.conflicted")] * 3


def test_a_killed_process_is_followed_by_one_that_publishes_what_it_owed() -> None:
    """When the request is read again; under the same id, so that it is there once."""
    killed = World()
    killed.event("x")
    killed.broker.fault = _fails(10**6, SUBJECTS.alarm_digest)
    request = killed.request("x")
    killed.run(1.0)
    assert killed.checkpoint("x").cursor.outbox
    assert killed.unsettled() == [request]
    killed.broker.fault = None
    heir = World(before=killed)
    heir.run(1.0)
    assert heir.digests("x") == [["a WARNING"]]
    assert heir.unsettled() == []
    assert heir.checkpoint("x").cursor.outbox == ()
    # The killed one may have got its publication out after all.
    killed.run(10.0)
    assert heir.digests("x") == [["a WARNING"]]


def test_a_request_that_is_read_again_after_its_answer_makes_no_second_digest() -> None:
    """The position that was past it was lost with the process."""
    world = World()
    world.event("x")
    world.request("x")
    world.run(1.0)
    assert world.unsettled() == []
    world.bus.log.drop(range(PARTITIONS))
    heir = World(before=world)
    heir.run(1.0)
    assert heir.digests("x") == [["a WARNING"]]
    assert heir.unsettled() == []


def test_a_refused_checkpoint_makes_dead_letters_and_others_go_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Those of the refused user only."""
    world = World()
    world.store.refused[X] = "too large"
    refused = world.event("x")
    world.event("y")
    world.request("y")
    world.run(1.0)
    assert world.dead_letters() == {str(refused): "too large"}
    assert world.digests("y") == [["a WARNING"]]
    assert world.unsettled() == []
    assert logged(caplog.records, "actors.user") == [("ERROR", "checkpoint.refused")]
    del world.store.refused[X]
    world.event("x", "b")
    world.request("x")
    world.run(1.0)
    assert world.digests("x") == [["b WARNING"]]


def test_an_unreadable_checkpoint_makes_dead_letters_in_the_end_and_others_go_on() -> None:
    """After as many attempts as for a crash, with the reason."""
    world = World(max_attempts=3, checkpoint_interval_s=0.01)
    world.store.unreadable[X] = "schema 99"
    event = world.event("x")
    world.event("y")
    world.request("y")
    world.run(0.06)
    assert world.digests("y") == [["a WARNING"]]
    assert world.unsettled() == [event]
    world.run(60.0)
    reason = "processing failed 3 times, last with: schema 99"
    assert world.dead_letters() == {str(event): reason}
    assert world.unsettled() == []
    assert world.escalated == []


def test_a_checkpoint_that_is_mended_in_time_costs_nothing() -> None:
    """The retries find it."""
    world = World(retry_wait_initial_s=1.0)
    world.store.unreadable[X] = "schema 99"
    world.event("x")
    world.request("x")
    world.run(1.0)
    world.store.unreadable.clear()
    world.run(60.0)
    told = [alarm for digest in world.digests("x") for alarm in digest]
    assert told == ["a WARNING"]
    assert world.dead_letters() == {}
    assert world.unsettled() == []


def test_a_message_that_keeps_crashing_becomes_a_dead_letter_and_the_users_others_go_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The events around it wait with it, in order, until it is given up."""
    world = World(max_attempts=3)
    world.ids.broken = True
    world.event("x", "a")
    poison = world.request("x")
    world.event("x", "b")
    world.run(0.06)
    assert world.unsettled() == [1, poison, 3]
    world.run(60.0)
    assert sorted(world.checkpoint("x").alarms) == ["a", "b"]
    reason = "processing failed 3 times, last with: ArithmeticError('no id today')"
    assert world.dead_letters() == {str(poison): reason}
    assert world.unsettled() == []
    assert logged(caplog.records, "actors.router") == [("ERROR", "user.crashed")] * 3
    world.ids.broken = False
    world.request("x")
    world.run(1.0)
    assert world.digests("x") == [["a WARNING", "b WARNING"]]
    assert world.escalated == []


def test_a_crash_that_passes_leaves_no_trace() -> None:
    """A retried message is answered like any other."""
    world = World()
    world.ids.broken = True
    world.event("x")
    world.request("x")
    world.run(0.01)
    world.ids.broken = False
    world.run(10.0)
    assert world.digests("x") == [["a WARNING"]]
    assert world.dead_letters() == {}
    assert world.unsettled() == []


def test_a_service_actor_that_crashes_escalates(caplog: pytest.LogCaptureFixture) -> None:
    """What it held is unacknowledged and comes back to the next process."""
    caplog.set_level(logging.CRITICAL)
    world = World()
    world.store.crash = LookupError("a bug in the driver")
    event = world.event("x")
    world.run(1.0)
    assert world.escalated == ["StoreCaller crashed: LookupError('a bug in the driver')"]
    assert logged(caplog.records, "actors.supervision") == [("CRITICAL", "actor.crashed")]
    assert world.unsettled() == [event]
    heir = World(before=world)
    heir.request("x")
    heir.run(1.0)
    assert heir.digests("x") == [["a WARNING"]]
    assert heir.unsettled() == []
