"""What a user actor knows: what is saved of it, and what is not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actors.ports import Checkpoint, CheckpointUpdate
from actors.rules.alarms import Alarm, AlarmID, Retention, Severity, UserID, apply_event
from actors.rules.capacity import stored_bytes
from actors.rules.digest import NEVER_TOLD
from actors.user import state as state_module
from actors.user.ids import SharedIds
from actors.user.state import UserState

if TYPE_CHECKING:
    import pytest

USER = UserID("u")
A, B = AlarmID("a"), AlarmID("b")
RETENTION = Retention(60)


def alarm(severity: Severity = Severity.WARNING) -> Alarm:
    """Return an alarm after one event."""
    return apply_event(None, severity, 5, 1000, RETENTION)


def loaded(**alarms: Alarm) -> UserState:
    """Return a user that was saved three times."""
    state = UserState()
    known = {AlarmID(name): one for name, one in alarms.items()}
    state.load(Checkpoint(3, known, NEVER_TOLD), SharedIds())
    return state


def test_a_save_holds_what_has_changed_and_nothing_else() -> None:
    """Based on the version that was loaded; taken once."""
    state = loaded(a=alarm())
    assert not state.dirty
    state.alarms[B] = alarm()
    state.changed[B] = None
    assert state.take_changes(USER) == CheckpointUpdate(USER, 3, {B: alarm()}, None)
    assert not state.dirty


def test_the_cursor_is_saved_when_somebody_was_told() -> None:
    """And not with every event."""
    state = loaded()
    state.told = True
    assert state.dirty
    assert state.take_changes(USER) == CheckpointUpdate(USER, 3, {}, NEVER_TOLD)


def test_what_was_cleared_long_ago_is_dropped_by_the_next_save() -> None:
    """Not from a user that was never saved: it has nothing old."""
    long_after_s = 1_000_000
    fresh = UserState()
    fresh.alarms[A] = alarm(Severity.CLEARED)
    fresh.forget_cleared(long_after_s, RETENTION)
    assert A in fresh.alarms
    state = loaded(a=alarm(Severity.CLEARED), b=alarm())
    state.forget_cleared(1001, RETENTION)
    assert set(state.alarms) == {A, B}
    state.forget_cleared(long_after_s, RETENTION)
    assert set(state.alarms) == {B}
    assert state.take_changes(USER).alarms == {A: None}


def test_a_copy_does_not_change_with_the_state() -> None:
    """Somebody looks at it on another thread."""
    state = loaded(a=alarm())
    copy = state.checkpoint()
    del state.alarms[A]
    assert copy == Checkpoint(3, {A: alarm()}, NEVER_TOLD)


def test_an_alarm_has_room_until_the_document_is_full(monkeypatch: pytest.MonkeyPatch) -> None:
    """Counted from what is there; what is let in counts too."""
    monkeypatch.setattr(state_module, "ALARMS_SURELY_FIT", 0)
    monkeypatch.setattr(state_module, "USER_MAX_BYTES", stored_bytes((A, B)))
    state = loaded(a=alarm())
    assert state.has_room_for(B)
    assert not state.has_room_for(AlarmID("c"))
