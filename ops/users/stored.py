"""Users as they were last saved."""

from __future__ import annotations

from dataclasses import replace
from time import time
from typing import TYPE_CHECKING, Protocol

from actors.ports import NEVER_SAVED, Checkpoint
from ops.users.report import Provenance, Source, report_on

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from actors.ports import Unreadable
    from actors.rules.alarms import AlarmID, UserID
    from ops.users.report import UserReport


_STORED = Provenance(Source.STORED)


class StoredUsers(Protocol):
    """Checkpoints, for reading. Blocks."""

    def load(self, user_ids: Sequence[UserID]) -> Mapping[UserID, Checkpoint | Unreadable]:
        """See ``CheckpointStore``."""


class UnreadableUserError(Exception):
    """Raised when what is stored of a user cannot be read."""


def read_stored(
    store: StoredUsers,
    user_id: UserID,
    provenance: Provenance = _STORED,
    limit: int | None = None,
    only: AlarmID | None = None,
) -> UserReport:
    """Report on the checkpoint of a user, who may be unknown; blocks.

    Raises ``StoreUnavailableError`` and ``UnreadableUserError``.
    """
    checkpoint = store.load([user_id]).get(user_id, NEVER_SAVED)
    if not isinstance(checkpoint, Checkpoint):
        raise UnreadableUserError(checkpoint.reason)
    source = Source.STORED if checkpoint.version else Source.NOWHERE
    whence = replace(provenance, source=source)
    return report_on(user_id, checkpoint, whence, limit, only, time())
