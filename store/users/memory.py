"""The in-memory twin of the checkpoint store."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Protocol

import bson

from actors.ports import NEVER_SAVED, Checkpoint, CheckpointUpdate, SaveOutcome, Unsavable
from store.users.document import to_changes

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from actors.ports import Postponed, Unreadable
    from actors.rules.alarms import UserID


_DOCUMENT_MAX_BYTES = 16 * 1024 * 1024
_ALARMS_UNMEASURED = 10_000
"""So many alarms fit whatever their ids; measuring costs as much as writing."""


class SyncStore(Protocol):
    """A ``CheckpointStore`` whose calls return their answers, of all who are asked for."""

    def load(self, user_ids: Sequence[UserID]) -> Mapping[UserID, Checkpoint | Unreadable]:
        """See ``CheckpointStore``."""

    def save(self, updates: Sequence[CheckpointUpdate]) -> Sequence[SaveOutcome | Unsavable]:
        """See ``CheckpointStore``."""


class PromptStore:
    """A ``CheckpointStore`` that has its answers from one that has them at once."""

    def __init__(self, store: SyncStore) -> None:
        """Ask ``store``."""
        self._store = store

    async def load(
        self, user_ids: Sequence[UserID]
    ) -> Mapping[UserID, Checkpoint | Unreadable | Postponed]:
        """See ``CheckpointStore``."""
        return self._store.load(user_ids)

    async def save(self, updates: Sequence[CheckpointUpdate]) -> Sequence[SaveOutcome | Unsavable]:
        """See ``CheckpointStore``."""
        return self._store.save(updates)


class InMemoryCheckpointStore:
    """Keeps checkpoints in a dictionary. May be called from several threads at a time.

    Refuses what MongoDB would refuse as too large.
    """

    def __init__(self) -> None:
        """Create an empty store."""
        self._checkpoints: dict[UserID, Checkpoint] = {}
        self._lock = threading.Lock()

    def check(self) -> None:
        """Return: memory always answers."""

    def load(self, user_ids: Sequence[UserID]) -> Mapping[UserID, Checkpoint | Unreadable]:
        """See ``CheckpointStore``."""
        with self._lock:
            return {
                user_id: self._checkpoints[user_id]
                for user_id in user_ids
                if user_id in self._checkpoints
            }

    def save(self, updates: Sequence[CheckpointUpdate]) -> Sequence[SaveOutcome | Unsavable]:
        """See ``CheckpointStore``."""
        with self._lock:
            return [self._save(update) for update in updates]

    def _save(self, update: CheckpointUpdate) -> SaveOutcome | Unsavable:
        known = self._checkpoints.get(update.user_id, NEVER_SAVED)
        if known.version != update.base_version:
            return SaveOutcome.CONFLICTED
        alarms, beyond = dict(known.alarms), dict(known.beyond)
        for alarm_id, alarm in update.alarms.items():
            if alarm is None:
                alarms.pop(alarm_id, None)
            else:
                alarms[alarm_id] = alarm
            beyond.pop(alarm_id, None)
        beyond.update(update.beyond)
        cursor = known.cursor if update.cursor is None else update.cursor
        if len(alarms) > _ALARMS_UNMEASURED:
            whole = CheckpointUpdate(update.user_id, update.base_version, alarms, cursor, beyond)
            size = len(bson.encode(to_changes(whole)))
            if size > _DOCUMENT_MAX_BYTES:
                return Unsavable(f"the checkpoint of {size} bytes is too large")
        self._checkpoints[update.user_id] = Checkpoint(known.version + 1, alarms, cursor, beyond)
        return SaveOutcome.SAVED
