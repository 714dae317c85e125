"""The twin of the store, where the contract suite does not look."""

from __future__ import annotations

from actors.ports import Checkpoint, CheckpointUpdate, SaveOutcome
from actors.rules.alarms import Alarm, AlarmID, Severity, UserID
from actors.rules.digest import Cursor
from store.users.memory import InMemoryCheckpointStore

USER = UserID("u1")
ALARM = Alarm(Severity.WARNING, 1, Severity.CLEARED, None, news=True, heard_at_s=1)


def test_a_loaded_checkpoint_is_a_snapshot() -> None:
    """What is saved later does not show in it, as with a real server."""
    store = InMemoryCheckpointStore()
    store.save([CheckpointUpdate(USER, 0, {AlarmID("a"): ALARM}, None)])
    loaded = store.load([USER])[USER]
    store.save([CheckpointUpdate(USER, 1, {AlarmID("a"): None, AlarmID("b"): ALARM}, None)])
    assert loaded == Checkpoint(1, {AlarmID("a"): ALARM}, Cursor())


def test_what_a_caller_does_to_an_update_afterwards_is_not_saved() -> None:
    """The twin keeps a copy, as a real server does."""
    store = InMemoryCheckpointStore()
    alarms: dict[AlarmID, Alarm | None] = {AlarmID("a"): ALARM}
    assert store.save([CheckpointUpdate(USER, 0, alarms, None)]) == [SaveOutcome.SAVED]
    alarms.clear()
    assert store.load([USER]) == {USER: Checkpoint(1, {AlarmID("a"): ALARM}, Cursor())}
