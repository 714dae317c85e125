"""Finding a user's state for whoever wants to look at it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actors.errors import StoreUnavailableError
from actors.ports import NEVER_SAVED, Checkpoint
from ops.failures import CommandFailed
from ops.inspection import Provenance, Source, report_on
from store.mongo import MongoCheckpointStore

if TYPE_CHECKING:
    from actors.alarms import AlarmID, UserID
    from actors.ports import CheckpointStore
    from ops.inspection import UserReport
    from store.settings import StoreSettings


class UnreadableUserError(Exception):
    """Raised when what is stored of a user cannot be read."""


def read_stored(
    store: CheckpointStore,
    user_id: UserID,
    limit: int | None = None,
    only: AlarmID | None = None,
    note: str | None = None,
) -> UserReport:
    """Report on the checkpoint of a user, who may be unknown; blocks.

    Raises ``StoreUnavailableError`` and ``UnreadableUserError``.
    """
    checkpoint = store.load([user_id]).get(user_id, NEVER_SAVED)
    if not isinstance(checkpoint, Checkpoint):
        raise UnreadableUserError(checkpoint.reason)
    source = Source.STORED if checkpoint.version else Source.NOWHERE
    return report_on(user_id, checkpoint, Provenance(source, note=note), limit, only)


def read_from_mongodb(
    settings: StoreSettings,
    user_id: UserID,
    limit: int | None = None,
    only: AlarmID | None = None,
    note: str | None = None,
) -> UserReport:
    """Report on a stored user for a command; raises ``CommandFailed``, ``SettingsError``."""
    store = MongoCheckpointStore(settings)
    try:
        return read_stored(store, user_id, limit, only, note)
    except StoreUnavailableError as error:
        raise CommandFailed(f"no answer from MongoDB, see MONGODB_URI: {error}") from error
    except UnreadableUserError as error:
        raise CommandFailed(f"{user_id}: {error}") from error
    finally:
        store.close()
