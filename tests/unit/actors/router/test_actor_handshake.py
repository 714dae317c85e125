"""The router and answers that come late, twice, or from an actor that is gone."""

from __future__ import annotations

from actors.messages.router import (
    CheckpointWanted,
    Passivated,
    PassivationDeclined,
    Tick,
    UserFailed,
)
from actors.messages.user import HandleDeliveries, Passivate, TakeCheckpoint
from actors.rules.alarms import UserID
from tests.unit.actors.router_desk import RouterDesk

X, Y, Z = UserID("x"), UserID("y"), UserID("z")


def _stop(desk: RouterDesk, user_id: UserID) -> None:
    """Have a user's actor be one that has stopped."""
    desk.users[user_id].mailbox.actor = None


def test_stale_answers_do_not_end_the_wait_for_an_heir() -> None:
    """The heir was asked to leave in its turn: mail waits until it has answered itself."""
    desk = RouterDesk(max_live_users=1)
    [old, _] = desk.send(X, Y)
    gone = desk.ref(X)
    desk.tell(Passivated(X, gone, ()))
    desk.send(X)
    desk.send(Z)
    heir = desk.ref(X)
    assert desk.taken(X)[-1] == Passivate()
    mail = desk.send(X)
    desk.tell(PassivationDeclined(X, gone))
    desk.tell(Passivated(X, gone, (old,)))
    assert desk.taken(X) == []
    assert desk.spawned == [X, Y, X, Z]
    desk.tell(Passivated(X, heir, ()))
    assert desk.spawned == [X, Y, X, Z, X]
    assert desk.taken(X) == [HandleDeliveries(tuple(mail))]


def test_a_tick_passes_over_an_actor_that_has_stopped_since_it_was_touched() -> None:
    """The others are told to save all the same."""
    desk = RouterDesk(checkpoint_interval_s=1.0)
    desk.send(X, Y)
    desk.send(X, Y)
    _stop(desk, X)
    desk.taken(Y)
    desk.tell(Tick())
    assert desk.taken(Y) == [TakeCheckpoint()]


def test_a_crash_heard_of_after_its_actor_has_stopped_is_treated_as_any_other() -> None:
    """It handed its mail back because it had been asked to leave before."""
    desk = RouterDesk(max_live_users=1)
    [culprit, _] = desk.send(X, Y)
    failed = desk.ref(X)
    _stop(desk, X)
    desk.tell(UserFailed(X, failed, culprit.token, "boom"))
    desk.tell(Passivated(X, failed, (culprit,)))
    assert [wait_s for wait_s, _ in desk.scheduler.later] == [1.0]
    assert desk.live() == 1


def test_an_actor_that_declines_without_waiting_mail_is_told_nothing() -> None:
    """It has what it needs."""
    desk = RouterDesk(max_live_users=1)
    desk.send(X, Y)
    desk.taken(X)
    desk.tell(PassivationDeclined(X, desk.ref(X)))
    assert desk.taken(X) == []


def test_an_actor_that_declines_is_idle_only_a_whole_timeout_later() -> None:
    """It has something to save or to answer."""
    desk = RouterDesk(idle_timeout_s=10.0)
    desk.send(X)
    desk.clock.elapsed_s = 10.0
    desk.tell(Tick())
    assert desk.taken(X)[-1] == Passivate()
    desk.tell(PassivationDeclined(X, desk.ref(X)))
    desk.clock.elapsed_s = 19.5
    desk.tell(Tick())
    assert desk.taken(X) == []
    desk.clock.elapsed_s = 20.0
    desk.tell(Tick())
    assert desk.taken(X) == [Passivate()]


def test_an_actor_that_declines_is_told_to_save() -> None:
    """Whatever kept it from leaving is to be durable soon."""
    desk = RouterDesk(max_live_users=1)
    desk.send(X, Y)
    desk.taken(X)
    desk.tell(PassivationDeclined(X, desk.ref(X)))
    desk.tell(Tick())
    assert desk.taken(X)[0] == TakeCheckpoint()


def test_a_wish_to_save_of_an_actor_that_is_gone_is_not_its_heirs() -> None:
    """Nor is it that of a user nobody knows."""
    desk = RouterDesk(max_live_users=1)
    desk.send(X, Y)
    gone = desk.ref(X)
    desk.tell(Passivated(X, gone, ()))
    desk.tell(CheckpointWanted(X, gone))
    desk.save_all()
    desk.clock.elapsed_s = 10.0
    desk.send(X)
    desk.save_all()
    desk.taken(X)
    desk.tell(CheckpointWanted(X, gone))
    desk.clock.elapsed_s = 20.0
    desk.tell(Tick())
    assert TakeCheckpoint() not in desk.taken(X)


def test_a_whole_interval_after_it_was_touched_a_user_saves_again() -> None:
    """The interval itself counts as passed."""
    desk = RouterDesk(checkpoint_interval_s=1.0)
    desk.send(X)
    desk.save_all()
    desk.clock.elapsed_s = 0.5
    desk.send(X)
    desk.taken(X)
    desk.acknowledger.fill = 0.0
    desk.clock.elapsed_s = 1.1
    desk.send(Y)  # as long as mail comes, it is worth the while to wait for more
    for elapsed_s, told in ((1.25, []), (1.5, [TakeCheckpoint()])):
        desk.clock.elapsed_s = elapsed_s
        desk.save_all()
        assert desk.taken(X) == told
