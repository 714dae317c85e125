"""KnownUsers: what a running service knows of its users, live where they live. Blocks."""

from __future__ import annotations

from threading import BoundedSemaphore
from time import time
from typing import TYPE_CHECKING, Protocol

from actors.errors import StoreUnavailableError
from ops.users.live import ActorsBusyError, LiveUsers
from ops.users.report import Provenance, Source, UserLine, UserReport, line_on, report_on
from ops.users.stored import StoredUsers, read_stored

if TYPE_CHECKING:
    from collections.abc import Sequence

    from actors.rules.alarms import AlarmID, UserID
    from actors.rules.partitions import InstanceID
    from ops.homes.whereabouts import SeenHomes


LOADS_AT_ONCE = 2
"""Who waits for a database that does not answer must not keep others from what is in memory."""

_LOAD_WITHIN_S = 1.0


class Elsewhere(Protocol):
    """The other instances. Called from several threads at a time; blocks."""

    def show(
        self, home: InstanceID, user_id: UserID, limit: int | None, only: AlarmID | None
    ) -> UserReport | None:
        """Return what the instance says at which the user is at home; None if it says nothing."""


class KnownUsers:
    """Reads users for whoever asks the service. Called from several threads at a time."""

    def __init__(
        self,
        live: LiveUsers,
        store: StoredUsers,
        instance: str,
        homes: SeenHomes | None = None,
        elsewhere: Elsewhere | None = None,
    ) -> None:
        """Ask ``live`` first, then ``store``; ``instance`` names this process in reports.

        Without ``homes`` every user is at home here; a user at home elsewhere is asked for there.
        """
        self._live = live
        self._store = store
        self._instance = instance
        self._homes = homes
        self._elsewhere = elsewhere
        self._loads = BoundedSemaphore(LOADS_AT_ONCE)

    def show(
        self, user_id: UserID, limit: int | None = None, only: AlarmID | None = None
    ) -> UserReport:
        """Report on a user as it lives at its home, wherever that is, else on its checkpoint.

        Raises ``StoreUnavailableError`` or ``UnreadableUserError`` for one that does not live.
        """
        where = None if self._homes is None else self._homes.of(user_id)
        if where is None or where.here:
            return self.show_here(user_id, limit, only)
        if where.home is None:
            note = "nobody is at home for its partition now; this is the last checkpoint"
            return self._read_stored(user_id, limit, only, note)
        if self._elsewhere is not None:
            report = self._elsewhere.show(where.home, user_id, limit, only)
            if report is not None:
                return report
        note = f"its home, {where.name}, does not answer; this is the last checkpoint"
        return self._read_stored(user_id, limit, only, note, home=where.name)

    def show_here(
        self, user_id: UserID, limit: int | None = None, only: AlarmID | None = None
    ) -> UserReport:
        """Report on a user as it lives here, else on its checkpoint; asks nobody else.

        Raises like ``show``.
        """
        where = None if self._homes is None else self._homes.of(user_id)
        home = None if where is None else where.name
        note = None
        try:
            state = self._live.states([user_id], 1).get(user_id)
        except ActorsBusyError as error:
            state, note = None, f"{error}; this is the last checkpoint"
        if state is None:
            return self._read_stored(user_id, limit, only, note, home=home)
        provenance = Provenance(Source.LIVE, self._instance, state.unsaved, home=home)
        return report_on(user_id, state.checkpoint, provenance, limit, only, time())

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
        self,
        user_id: UserID,
        limit: int | None,
        only: AlarmID | None,
        note: str | None,
        *,
        home: str | None = None,
    ) -> UserReport:
        if not self._loads.acquire(timeout=_LOAD_WITHIN_S):
            raise StoreUnavailableError("others wait for it already")
        try:
            provenance = Provenance(Source.STORED, self._instance, note=note, home=home)
            return read_stored(self._store, user_id, provenance, limit, only)
        finally:
            self._loads.release()
