"""Recovery: many users in one query, every asker answered."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from actors.checkpoints.recovery import RecoveryActor
from actors.messages.checkpoints import RecoverUser, UsersLoaded, UsersNotLoaded
from actors.messages.user import Recovered, RecoveryFailed
from actors.ports import NEVER_SAVED, Checkpoint, Postponed
from actors.rules.alarms import UserID
from actors.rules.digest import Cursor
from actors.settings import CoreSettings
from tests.doubles import Inbox
from tests.unit.actors.router_desk import NoJitter
from tests.unit.actors.service_doubles import (
    SILENCE_S,
    Probe,
    Stage,
    TimedStore,
    fields,
    update,
)

if TYPE_CHECKING:
    import pytest
    from pykka import ActorRef

UNKNOWN = Recovered(NEVER_SAVED)


def saved(user: str) -> Recovered:
    """Return what a user is told of whom the desk's store keeps one save."""
    alarms = {alarm_id: alarm for alarm_id, alarm in update(user).alarms.items() if alarm}
    return Recovered(Checkpoint(1, alarms, Cursor()))


class Desk:
    """A started recovery, its store, and the users that ask."""

    def __init__(self, group_max: int = 100, caller: ActorRef[Any] | None = None) -> None:
        """Start it; ``caller`` is somebody else to ask than who calls the store."""
        self.stage = Stage()
        self.store = TimedStore(self.stage.clock)
        self.recovery = RecoveryActor.start(
            self.stage.dispatcher,
            self.stage.escalated.append,
            CoreSettings(
                checkpoint_group_max=group_max, retry_wait_initial_s=1.0, retry_wait_max_s=4.0
            ),
            caller or self.stage.caller(self.store),
            self.stage.dispatcher,
            NoJitter(),
        )

    def ask(self, user: str) -> Probe:
        """Ask for a user, without stepping; return who gets the answer."""
        probe = self.stage.probe()
        self.recovery.tell(RecoverUser(UserID(user), probe.actor_ref))
        return probe


def test_users_that_ask_together_are_loaded_together() -> None:
    """One query, one answer each: the checkpoint, or that nothing was ever saved."""
    desk = Desk()
    desk.store.save([update("a")])
    probes = [desk.ask(user) for user in "abc"]
    desk.stage.settle()
    assert desk.store.load_calls == [(0.0, ["a", "b", "c"])]
    assert [probe.received for probe in probes] == [[saved("a")], [UNKNOWN], [UNKNOWN]]


def test_a_user_that_asks_later_is_loaded_anew() -> None:
    """Nothing is remembered of an earlier load: somebody may have saved since."""
    desk = Desk()
    first = desk.ask("a")
    desk.stage.settle()
    desk.store.save([update("a")])
    second = desk.ask("a")
    desk.stage.settle()
    assert desk.store.load_calls == [(0.0, ["a"]), (0.0, ["a"])]
    assert (first.received, second.received) == ([UNKNOWN], [saved("a")])


def test_all_who_ask_for_one_user_are_answered_from_one_load() -> None:
    """A crashed actor's question may still be open when its heir asks."""
    desk = Desk()
    probes = [desk.ask("a"), desk.ask("b"), desk.ask("a"), desk.ask("a")]
    desk.stage.settle()
    assert desk.store.load_calls == [(0.0, ["a", "b"])]
    assert [probe.received for probe in probes] == [[UNKNOWN]] * 4


def test_a_load_never_exceeds_the_maximum() -> None:
    """The rest is loaded at once, in further queries and in order."""
    desk = Desk(group_max=2)
    probes = [desk.ask(user) for user in "abcde"]
    desk.stage.settle()
    assert desk.store.load_calls == [(0.0, ["a", "b"]), (0.0, ["c", "d"]), (0.0, ["e"])]
    assert [probe.received for probe in probes] == [[UNKNOWN]] * 5


def test_a_user_whose_checkpoint_cannot_be_read_is_told_why() -> None:
    """The others of the load are not affected."""
    desk = Desk()
    desk.store.unreadable = {UserID("b"): "version is missing"}
    desk.store.save([update("a")])
    readable, unreadable = desk.ask("a"), desk.ask("b")
    desk.stage.settle()
    assert readable.received == [saved("a")]
    assert unreadable.received == [RecoveryFailed("version is missing")]


def test_an_unavailable_store_is_asked_again_with_backoff() -> None:
    """The waits double up to the maximum and begin anew after a success."""
    desk = Desk()
    desk.store.load_faults = 4
    probe = desk.ask("a")
    desk.stage.settle()
    assert probe.received == []
    desk.stage.dispatcher.advance(11.0)
    assert desk.store.load_calls == [(at_s, ["a"]) for at_s in (0.0, 1.0, 3.0, 7.0, 11.0)]
    assert probe.received == [UNKNOWN]
    desk.store.load_faults = 1
    desk.ask("b")
    desk.stage.dispatcher.advance(SILENCE_S)
    assert desk.store.load_calls[5:] == [(11.0, ["b"]), (12.0, ["b"])]


def test_who_asks_during_a_wait_joins_the_next_load() -> None:
    """Without hastening it, and behind those who failed."""
    desk = Desk()
    desk.store.load_faults = 1
    probes = [desk.ask("a")]
    desk.stage.settle()
    probes += [desk.ask("b"), desk.ask("a")]
    desk.stage.settle()
    assert len(desk.store.load_calls) == 1
    desk.stage.dispatcher.advance(1.0)
    assert desk.store.load_calls[1:] == [(1.0, ["a", "b"])]
    assert [probe.received for probe in probes] == [[UNKNOWN]] * 3


def test_who_asks_while_others_are_loaded_is_loaded_after_them() -> None:
    """Be the load under way answered or not: somebody may have saved since it began."""
    for answer in (UsersLoaded({}), UsersNotLoaded("no primary")):
        caller = Inbox()
        desk = Desk(caller=caller.actor_ref)
        first = desk.ask("a")
        desk.stage.settle()
        later = [desk.ask("b"), desk.ask("a")]
        desk.stage.settle()
        assert [load.user_ids for load in caller.take()] == [["a"]]
        desk.stage.tell(desk.recovery, answer)
        desk.stage.dispatcher.advance(1.0)
        failed = isinstance(answer, UsersNotLoaded)
        assert [load.user_ids for load in caller.take()] == [["a", "b"] if failed else ["b", "a"]]
        desk.stage.tell(desk.recovery, UsersLoaded({}))
        assert [probe.received for probe in (first, *later)] == [[UNKNOWN]] * 3


def test_an_asker_that_has_stopped_is_passed_over() -> None:
    """The others get their answers."""
    desk = Desk()
    gone, other = desk.ask("a"), desk.ask("a")
    gone.stop()
    desk.stage.settle()
    assert (gone.received, other.received) == ([], [UNKNOWN])
    assert desk.stage.escalated == []


def test_a_retry_is_logged_as_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    """It says how many users wait, for how long and why."""
    caplog.set_level(logging.INFO)
    desk = Desk()
    desk.store.load_faults = 1
    desk.ask("a")
    desk.ask("b")
    desk.stage.dispatcher.advance(1.0)
    [retried] = fields(caplog, "recovery.retried")
    assert len(caplog.records) == 1
    assert (retried["levelno"], retried["name"]) == (logging.WARNING, "actors.recovery")
    assert (retried["users"], retried["attempt"], retried["wait_s"]) == (2, 1, 1.0)
    assert retried["error"] == "no primary"


def test_what_a_newer_version_has_written_is_waited_for() -> None:
    """Nobody is told that it is damaged; the others that were asked for are answered."""
    desk = Desk()
    desk.store.newer = True
    desk.store.unreadable[UserID("new")] = "the checkpoint has schema 9"
    old, new = desk.ask("old"), desk.ask("new")
    desk.stage.settle()
    assert old.received == [UNKNOWN]
    for _ in range(3):
        desk.stage.dispatcher.advance(4.0)
        assert new.received == []
    desk.store.unreadable.clear()
    desk.stage.dispatcher.advance(4.0)
    assert new.received == [UNKNOWN]
    asked = [user_ids for _, user_ids in desk.store.load_calls]
    assert asked == [["old", "new"], *[["new"]] * 4]


def test_who_was_not_looked_at_is_asked_for_again_before_those_who_came_since() -> None:
    """Those that were had so many alarms; all are answered in the end."""
    caller = Inbox()
    desk = Desk(caller=caller.actor_ref)
    first, *others = [desk.ask(user) for user in ("a", "b", "c")]
    desk.stage.settle()
    others.append(desk.ask("d"))
    desk.stage.settle()
    known, later = saved("a").checkpoint, Postponed.POSTPONED
    desk.stage.tell(
        desk.recovery,
        UsersLoaded({UserID("a"): known, UserID("b"): later, UserID("c"): later}),
    )
    assert [load.user_ids for load in caller.take()] == [["a", "b", "c"], ["b", "c"]]
    assert (first.received, others[0].received) == ([saved("a")], [])
    desk.stage.tell(desk.recovery, UsersLoaded({}))
    assert [load.user_ids for load in caller.take()] == [["d"]]
    desk.stage.tell(desk.recovery, UsersLoaded({}))
    assert [probe.received for probe in others] == [[UNKNOWN]] * 3
