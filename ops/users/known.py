"""KnownUsers: what a running service knows of its users, live where they live. Blocks."""

from __future__ import annotations

from threading import BoundedSemaphore
from typing import TYPE_CHECKING

from actors.errors import StoreUnavailableError
from ops.users.live import ActorsBusyError, LiveUsers
from ops.users.report import Provenance, Source, UserLine, UserReport, line_on, report_on
from ops.users.stored import StoredUsers, read_stored

if TYPE_CHECKING:
    from collections.abc import Sequence

    from actors.rules.alarms import AlarmID, UserID


LOADS_AT_ONCE = 2
"""Who waits for a database that does not answer must not keep others from what is in memory."""

_LOAD_WITHIN_S = 1.0


class KnownUsers:
    """Reads users for whoever asks the service. Called from several threads at a time."""

    def __init__(self, live: LiveUsers, store: StoredUsers, instance: str) -> None:
        """Ask ``live`` first, then ``store``; ``instance`` names this process in reports."""
        self._live = live
        self._store = store
        self._instance = instance
        self._loads = BoundedSemaphore(LOADS_AT_ONCE)

    def show(
        self, user_id: UserID, limit: int | None = None, only: AlarmID | None = None
    ) -> UserReport:
        """Report on a user: its actor's state if it lives, else its checkpoint, marked which.

        Raises ``StoreUnavailableError`` or ``UnreadableUserError`` for one that does not live.
        """
        note = None
        try:
            state = self._live.states([user_id], 1).get(user_id)
        except ActorsBusyError as error:
            state, note = None, f"{error}; this is the last checkpoint"
        if state is None:
            return self._read_stored(user_id, limit, only, note)
        provenance = Provenance(Source.LIVE, self._instance, state.unsaved)
        return report_on(user_id, state.checkpoint, provenance, limit, only)

    def list_live(self, user_ids: Sequence[UserID] | None, limit: int) -> list[UserLine]:
        """Return those of these users that live here; None means those used last.

        Raises ``ActorsBusyError``.
        """
        return [
            line_on(
                user_id,
                state.checkpoint,
                Provenance(Source.LIVE, self._instance, state.unsaved),
            )
            for user_id, state in self._live.states(user_ids, limit).items()
        ]

    def count_live(self) -> int:
        """Return how many users live here; raises ``ActorsBusyError``."""
        return self._live.count()

    def _read_stored(
        self, user_id: UserID, limit: int | None, only: AlarmID | None, note: str | None
    ) -> UserReport:
        if not self._loads.acquire(timeout=_LOAD_WITHIN_S):
            raise StoreUnavailableError("others wait for it already")
        try:
            return read_stored(self._store, user_id, limit, only, note, self._instance)
        finally:
            self._loads.release()
