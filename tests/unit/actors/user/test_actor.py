"""A user actor between its checkpoints: recovering, applying, saving, acknowledging."""

from __future__ import annotations

from actors.messages.checkpoints import RecoverUser
from actors.messages.router import Passivated
from actors.messages.user import Passivate, TakeCheckpoint
from actors.ports import NEVER_SAVED, Checkpoint, CheckpointUpdate
from actors.rules.alarms import Alarm
from tests.unit.actors.user_desk import (
    CLEARED,
    CRITICAL,
    NOW_S,
    USER,
    WARNING,
    A,
    B,
    UserDesk,
)

RAISED = Alarm(WARNING, 5, CLEARED, None, news=True, heard_at_s=NOW_S)
CLEAR = Alarm(CLEARED, 5, CLEARED, None, news=False, heard_at_s=NOW_S)
KNOWN = Checkpoint(7, {A: RAISED}, NEVER_SAVED.cursor)


def test_a_started_user_asks_for_its_checkpoint() -> None:
    """Before anything else, and once."""
    desk = UserDesk()
    assert desk.recovery.take() == [RecoverUser(USER, desk.user.actor_ref)]


def test_what_comes_during_recovery_is_stashed_and_applied_in_order() -> None:
    """On top of the checkpoint; a request sees the events before it and none behind it."""
    desk = UserDesk()
    desk.deliver(desk.event(B, at_ns=6), save=True)
    desk.deliver(desk.request(), desk.event(B, CRITICAL, 7))
    assert desk.saves() == []
    desk.recover(KNOWN)
    save = desk.saved()
    [(digest,)] = desk.publications()
    assert [(item.alarm_id, item.changed_at_ns) for item in digest.items] == [(A, 5), (B, 6)]
    assert save.update.base_version == 7
    assert save.update.alarms[B] == Alarm(CRITICAL, 7, WARNING, 6, news=True, heard_at_s=NOW_S)


def test_a_save_told_during_recovery_is_made_after_it() -> None:
    """The router tells once; whoever recovers must not forget."""
    desk = UserDesk()
    desk.deliver(desk.event())
    desk.tell(TakeCheckpoint())
    desk.recover()
    assert desk.save().update == CheckpointUpdate(USER, 0, {A: RAISED}, None)


def test_a_change_is_saved_when_told_to_and_not_before() -> None:
    """Ten events of a user are one write."""
    desk = UserDesk(NEVER_SAVED)
    first, second = desk.event(), desk.event(B)
    desk.deliver(first)
    desk.deliver(second)
    assert desk.saves() == []
    desk.tell(TakeCheckpoint())
    [save] = desk.checkpointer.take()
    assert save.update == CheckpointUpdate(USER, 0, {A: RAISED, B: RAISED}, None)
    assert save.tokens == (first.token, second.token)


def test_a_delivery_may_tell_to_save() -> None:
    """The first change is saved at once."""
    desk = UserDesk(NEVER_SAVED)
    desk.deliver(desk.event(), save=True)
    assert [save.update.base_version for save in desk.checkpointer.take()] == [0]
    assert desk.urgent.take() == []


def test_with_nothing_changed_there_is_nothing_to_save() -> None:
    """A tick alone makes no write."""
    desk = UserDesk(KNOWN)
    desk.tell(TakeCheckpoint())
    assert desk.saves() == []


def test_only_what_changed_is_saved() -> None:
    """On the version that the last save made."""
    desk = UserDesk(KNOWN)
    desk.deliver(desk.event(B), save=True)
    assert desk.saved().update == CheckpointUpdate(USER, 7, {B: RAISED}, None)
    desk.deliver(desk.event(B, CRITICAL, 6), save=True)
    update = desk.saved().update
    assert (update.base_version, list(update.alarms), update.cursor) == (8, [B], None)


def test_two_saves_of_a_user_never_overlap() -> None:
    """What changes during a save goes in the next, at once if that was asked for."""
    desk = UserDesk(NEVER_SAVED)
    desk.deliver(desk.event(), save=True)
    during = desk.event(B)
    desk.deliver(during, save=True)
    desk.tell(TakeCheckpoint())
    assert desk.saved().tokens == (1,)
    save = desk.saved()
    assert (save.update.base_version, list(save.update.alarms)) == (1, [B])
    assert save.tokens == (during.token,)
    assert desk.saves() == []


def test_what_comes_during_a_save_waits_for_the_next_interval() -> None:
    """Unless a save was asked for meanwhile."""
    desk = UserDesk(NEVER_SAVED)
    desk.deliver(desk.event(), save=True)
    desk.deliver(desk.event(B))
    desk.saved()
    assert desk.saves() == []
    desk.tell(TakeCheckpoint())
    assert list(desk.save().update.alarms) == [B]


def test_the_user_itself_acknowledges_nothing_that_changed_it() -> None:
    """That is the checkpointer's, once the write is durable."""
    desk = UserDesk(NEVER_SAVED)
    desk.deliver(desk.event(), save=True)
    desk.saved()
    assert desk.acknowledger.acknowledged == []


def test_a_repeat_of_what_is_durable_is_acknowledged_at_once() -> None:
    """It needs no write."""
    desk = UserDesk(KNOWN)
    repeat, stale = desk.event(), desk.event(at_ns=4)
    desk.deliver(repeat, stale, save=True)
    assert desk.acknowledger.acknowledged == [repeat.token, stale.token]
    assert desk.saves() == []


def test_a_repeat_of_what_is_not_yet_saved_is_acknowledged_with_it() -> None:
    """Its first copy may be gone with a crash."""
    desk = UserDesk(NEVER_SAVED)
    original, repeat = desk.event(), desk.event()
    desk.deliver(original)
    desk.deliver(repeat)
    assert desk.acknowledger.acknowledged == []
    desk.tell(TakeCheckpoint())
    assert desk.save().tokens == (original.token, repeat.token)


def test_a_repeat_during_the_save_is_acknowledged_behind_it() -> None:
    """Not earlier: the save may yet fail."""
    desk = UserDesk(NEVER_SAVED)
    desk.deliver(desk.event(), save=True)
    repeat = desk.event()
    desk.deliver(repeat)
    assert desk.acknowledger.acknowledged == []
    desk.saved()
    assert desk.acknowledger.acknowledged == [repeat.token]
    assert desk.saves() == []


def test_a_cleared_alarm_is_forgotten_with_a_later_save() -> None:
    """Removed from the checkpoint as well as from memory; active alarms stay."""
    desk = UserDesk(Checkpoint(7, {A: RAISED, B: CLEAR}, NEVER_SAVED.cursor))
    desk.clock.elapsed_s = 8 * 24 * 3600.0
    desk.deliver(desk.event(A, CRITICAL, 6), save=True)
    update = desk.saved().update
    assert update.alarms[B] is None
    assert set(update.alarms) == {A, B}
    desk.deliver(desk.event(B, WARNING, 4), save=True)
    assert desk.save().update.alarms[B] == Alarm(
        WARNING, 4, CLEARED, None, news=True, heard_at_s=NOW_S + 8 * 24 * 3600
    )


def test_a_cleared_alarm_is_remembered_during_the_retention() -> None:
    """A late, older warning must not revive it."""
    desk = UserDesk(Checkpoint(7, {A: RAISED, B: CLEAR}, NEVER_SAVED.cursor))
    desk.clock.elapsed_s = 6 * 24 * 3600.0
    desk.deliver(desk.event(A, CRITICAL, 6), desk.event(B, WARNING, 4), save=True)
    alarm = desk.save().update.alarms[B]
    assert alarm is not None
    assert (alarm.severity, alarm.changed_at_ns) == (CLEARED, 5)


def test_a_retention_of_zero_forgets_nothing() -> None:
    """0 means never."""
    desk = UserDesk(Checkpoint(7, {B: CLEAR}, NEVER_SAVED.cursor), cleared_retention_s=0)
    desk.clock.elapsed_s = 1e9
    desk.deliver(desk.event(), save=True)
    assert list(desk.save().update.alarms) == [A]


def test_an_idle_user_leaves_memory() -> None:
    """Answering the router before it stops; it hands nothing back."""
    desk = UserDesk(NEVER_SAVED)
    desk.deliver(desk.event(), save=True)
    desk.saved()
    desk.tell(Passivate())
    assert desk.router.take() == [Passivated(USER, desk.user.actor_ref, ())]
    assert desk.user.actor_ref.is_alive()
    desk.user.run_batch(64)
    assert not desk.user.actor_ref.is_alive()


def test_events_from_the_future_are_counted_and_applied_like_any_other() -> None:
    """A repeat is not counted again, nor what is within the tolerance."""
    desk = UserDesk(NEVER_SAVED, future_tolerance_s=300.0)
    within_ns = (NOW_S + 300) * 10**9
    desk.deliver(desk.event(at_ns=within_ns))
    assert desk.tally.events_ahead == 0
    beyond_ns = within_ns + 10**6
    desk.deliver(desk.event(B, CRITICAL, beyond_ns), desk.event(B, CRITICAL, beyond_ns))
    assert (desk.tally.events_ahead, desk.tally.events_changed) == (1, 2)
    desk.tell(TakeCheckpoint())
    alarm = desk.saved().update.alarms[B]
    assert alarm is not None
    assert alarm.changed_at_ns == beyond_ns
