"""The checkpointer: group commit, and acknowledgements that never come too early."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from actors.checkpoints.checkpointer import GROUP_ALARMS_MAX, CheckpointActor
from actors.messages.checkpoints import AwaitRoom, GroupSaved, SaveCheckpoint, SaveGroup
from actors.messages.router import RoomAvailable
from actors.messages.user import CheckpointConflicted, Checkpointed, CheckpointRefused
from actors.ports import DeliveryToken, SaveOutcome
from actors.rules.alarms import AlarmID
from actors.settings import CoreSettings
from tests.doubles import Inbox, SaveFault
from tests.unit.actors.router_desk import NoJitter
from tests.unit.actors.service_doubles import (
    SILENCE_S,
    JournalingAcknowledger,
    Probe,
    Stage,
    TimedStore,
    fields,
    update,
)

if TYPE_CHECKING:
    import pytest
    from pykka import ActorRef


BEFORE = SaveFault.BEFORE_IT_TOOK_EFFECT


class Desk:
    """A started checkpointer, its store, and the users that save."""

    def __init__(self, group_max: int = 100, caller: ActorRef[Any] | None = None) -> None:
        """Start it; ``caller`` is somebody else to ask than who calls the store."""
        self.stage = Stage()
        self.store = TimedStore(self.stage.clock)
        self.acknowledger = JournalingAcknowledger(self.store.journal)
        self.checkpointer = CheckpointActor.start(
            self.stage.dispatcher,
            self.stage.escalated.append,
            CoreSettings(
                checkpoint_group_max=group_max, retry_wait_initial_s=1.0, retry_wait_max_s=4.0
            ),
            caller or self.stage.caller(self.store),
            self.acknowledger,
            self.stage.dispatcher,
            NoJitter(),
        )

    def send(self, user: str, *tokens: int, base_version: int = 0) -> Probe:
        """Have a user send a save, without stepping; return who gets the answer."""
        probe = self.stage.probe()
        self.checkpointer.tell(
            SaveCheckpoint(
                update(user, base_version),
                tuple(DeliveryToken(token) for token in tokens),
                probe.actor_ref,
            )
        )
        return probe


def test_what_has_come_together_is_written_at_once() -> None:
    """One write for all the mail that has arrived, in its order."""
    desk = Desk()
    probes = [desk.send(user, token) for token, user in enumerate("abc", start=1)]
    desk.stage.settle()
    assert desk.store.saved_groups() == [["a", "b", "c"]]
    assert [probe.received for probe in probes] == [[Checkpointed()]] * 3
    desk.send("d", 4)
    desk.stage.settle()
    assert desk.store.saved_groups() == [["a", "b", "c"], ["d"]]


def test_a_group_ends_where_it_has_many_alarms() -> None:
    """Users with hundreds that changed would keep the loop for half a second."""
    desk = Desk()
    for user in "abc":
        alarms = {AlarmID(str(number)): None for number in range(GROUP_ALARMS_MAX // 2)}
        save = update(user, 0)._replace(alarms=alarms)
        desk.checkpointer.tell(SaveCheckpoint(save, (), desk.stage.probe().actor_ref))
    desk.stage.settle()
    assert desk.store.saved_groups() == [["a", "b"], ["c"]]


def test_messages_are_acknowledged_only_once_they_are_saved() -> None:
    """All of a group's tokens, in order, behind the write; a save may hold none or many."""
    desk = Desk()
    desk.send("a", 1, 2)
    desk.send("b")
    desk.send("c", 3)
    desk.stage.settle()
    assert desk.store.journal == ["a", "b", "c", 1, 2, 3]


def test_a_group_never_exceeds_its_maximum() -> None:
    """The rest goes at once in further groups, nobody having to ask."""
    desk = Desk(group_max=2)
    probes = [desk.send(user) for user in "abcde"]
    desk.stage.settle()
    assert desk.store.save_calls == [(0.0, ["a", "b"]), (0.0, ["c", "d"]), (0.0, ["e"])]
    assert all(probe.received == [Checkpointed()] for probe in probes)


def test_a_second_group_goes_along_only_if_it_is_full() -> None:
    """And no third; what is less than a group goes when the store has nothing to do."""
    store = Inbox()
    desk = Desk(group_max=2, caller=store.actor_ref)

    def asked() -> list[SaveGroup]:
        desk.stage.settle()
        return [message for message in store.take() if isinstance(message, SaveGroup)]

    def users(groups: list[SaveGroup]) -> list[list[str]]:
        return [[update.user_id for update in group.updates] for group in groups]

    def end(group: SaveGroup) -> None:
        outcomes = [SaveOutcome.SAVED for _ in group.updates]
        desk.checkpointer.tell(GroupSaved(group.number, outcomes))

    for user in "abcdefg":
        desk.send(user)
    first, second = asked()
    assert users([first, second]) == [["a", "b"], ["c", "d"]]
    end(second)
    [third] = asked()
    assert users([third]) == [["e", "f"]]
    end(first)
    assert asked() == []
    end(third)
    assert users(asked()) == [["g"]]


def test_a_user_is_never_twice_in_a_group() -> None:
    """The save that its crashed actor left goes first; the others do not wait for the second."""
    desk = Desk()
    left = desk.send("a", 1)
    heir = desk.send("a", 2, base_version=1)
    desk.send("b", 3)
    again = desk.send("a", 4, base_version=2)
    desk.stage.settle()
    assert desk.store.saved_groups() == [["a", "b"], ["a"], ["a"]]
    assert left.received == heir.received == again.received == [Checkpointed()]
    assert desk.acknowledger.acknowledged == [1, 3, 2, 4]


def test_a_save_that_was_held_back_keeps_its_place() -> None:
    """It goes as soon as the one before it is done, before those that came behind it."""
    desk = Desk(group_max=2)
    for user, base_version in (("a", 0), ("a", 1), ("b", 0), ("c", 0), ("d", 0)):
        desk.send(user, base_version=base_version)
    desk.stage.settle()
    assert desk.store.saved_groups() == [["a", "b"], ["c", "d"], ["a"]]


def test_each_save_of_a_group_is_answered_by_its_own_outcome() -> None:
    """Only what was saved is acknowledged; the others' messages are the users' affair."""
    desk = Desk()
    desk.store.refused = {update("c").user_id: "too large"}
    saved = desk.send("a", 1)
    conflicted = desk.send("b", 2, base_version=7)
    refused = desk.send("c", 3)
    last = desk.send("d", 4)
    desk.stage.settle()
    assert saved.received == last.received == [Checkpointed()]
    assert conflicted.received == [CheckpointConflicted()]
    assert refused.received == [CheckpointRefused("too large")]
    assert desk.acknowledger.acknowledged == [1, 4]
    assert desk.acknowledger.dead == []


def test_a_user_that_has_stopped_is_passed_over() -> None:
    """Its save stands and its messages are acknowledged all the same."""
    desk = Desk()
    gone, other = desk.send("a", 1), desk.send("b", 2)
    gone.stop()
    desk.stage.settle()
    assert desk.acknowledger.acknowledged == [1, 2]
    assert other.received == [Checkpointed()]
    assert desk.stage.escalated == []


def test_an_unavailable_store_is_tried_again_with_backoff() -> None:
    """The waits double up to the maximum and begin anew after a success."""
    desk = Desk()
    desk.store.save_faults = [BEFORE] * 4
    probe = desk.send("a", 1)
    desk.stage.settle()
    assert (probe.received, desk.acknowledger.acknowledged) == ([], [])
    desk.stage.dispatcher.advance(11.0)
    assert desk.store.save_calls == [(at_s, ["a"]) for at_s in (0.0, 1.0, 3.0, 7.0, 11.0)]
    assert (probe.received, desk.acknowledger.acknowledged) == ([Checkpointed()], [1])
    desk.store.save_faults = [BEFORE]
    desk.send("b")
    desk.stage.dispatcher.advance(SILENCE_S)
    assert desk.store.save_calls[5:] == [(11.0, ["b"]), (12.0, ["b"])]


def test_a_failed_write_keeps_the_order_and_loses_nothing() -> None:
    """What comes during the wait joins the next group, at its end and without hastening it."""
    desk = Desk(group_max=3)
    desk.store.save_faults = [BEFORE]
    for token, user in enumerate("abcd", start=1):
        desk.send(user, token)
    desk.stage.settle()
    assert desk.store.saved_groups() == [["a", "b", "c"]]
    desk.send("e", 5)
    desk.stage.settle()
    assert len(desk.store.save_calls) == 1
    desk.stage.dispatcher.advance(1.0)
    assert desk.store.save_calls[1:] == [(1.0, ["a", "b", "c"]), (1.0, ["d", "e"])]
    assert desk.acknowledger.acknowledged == [1, 2, 3, 4, 5]


def test_a_save_held_back_stays_behind_the_failed_one_of_its_user() -> None:
    """A failure does not let a user's second save overtake its first."""
    desk = Desk()
    desk.store.save_faults = [BEFORE]
    first, second = desk.send("a", 1), desk.send("a", 2, base_version=1)
    desk.stage.dispatcher.advance(1.0)
    assert desk.store.saved_groups() == [["a"], ["a"], ["a"]]
    assert first.received == second.received == [Checkpointed()]


def test_a_save_that_took_effect_unknown_to_anyone_is_answered_as_a_conflict() -> None:
    """Nothing is acknowledged: the user reloads, and finds its messages in the checkpoint."""
    desk = Desk()
    desk.store.save_faults = [SaveFault.AFTER_IT_TOOK_EFFECT]
    probe = desk.send("a", 1)
    desk.stage.settle()
    assert probe.received == []
    desk.stage.dispatcher.advance(SILENCE_S)
    assert desk.store.saved_groups() == [["a"], ["a"]]
    assert probe.received == [CheckpointConflicted()]
    assert desk.acknowledger.acknowledged == []
    user_id = update("a").user_id
    checkpoint = desk.store.load([user_id])[user_id]
    assert getattr(checkpoint, "version", None) == 1


def test_a_retry_is_logged_as_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    """It says how many users wait, for how long and why; a success says nothing."""
    caplog.set_level(logging.INFO)
    desk = Desk()
    desk.store.save_faults = [BEFORE]
    desk.send("a")
    desk.send("b")
    desk.stage.dispatcher.advance(1.0)
    [retried] = fields(caplog, "checkpoint.retried")
    assert len(caplog.records) == 1
    assert (retried["levelno"], retried["name"]) == (
        logging.WARNING,
        "actors.checkpointer",
    )
    assert (retried["users"], retried["attempt"], retried["wait_s"]) == (2, 1, 1.0)
    assert retried["error"] == "no primary"


def test_room_is_offered_only_when_nothing_waits_where_that_is_asked() -> None:
    """So that groups stay small while somebody waits for a digest."""
    desk = Desk(group_max=2)
    router = desk.stage.probe()
    desk.store.save_faults.append(BEFORE)
    desk.send("a", 1)
    desk.stage.settle()
    desk.send("b", 2)
    desk.stage.tell(desk.checkpointer, AwaitRoom(router.actor_ref, empty=True))
    assert router.received == []
    desk.stage.dispatcher.advance(1.0)
    assert router.received == [RoomAvailable()]


def test_room_is_offered_once_less_than_a_group_waits() -> None:
    """At once when it is so already; the router keeps the rest, where it still grows together."""
    desk = Desk(group_max=2)
    router = desk.stage.probe()
    desk.store.save_faults.append(BEFORE)
    for token, user in enumerate("abc", start=1):
        desk.send(user, token)
    desk.stage.settle()
    desk.stage.tell(desk.checkpointer, AwaitRoom(router.actor_ref))
    assert router.received == []
    desk.stage.dispatcher.advance(1.0)
    assert desk.store.saved_groups() == [["a", "b"], ["a", "b"], ["c"]]
    assert router.received == [RoomAvailable()]
    desk.stage.tell(desk.checkpointer, AwaitRoom(router.actor_ref))
    assert router.received == [RoomAvailable()] * 2
