"""Finding a user's state for whoever wants to look at it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from actors.errors import StoreUnavailableError
from actors.ports import NEVER_SAVED, Checkpoint
from ops.client import with_client
from ops.failures import CommandFailed
from ops.inquiries.asking import ask_for_user
from ops.users.report import Provenance, Source, report_on
from store.users.blocking import StandaloneStore

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nats.aio.client import Client

    from actors.ports import Unreadable
    from actors.rules.alarms import AlarmID, UserID
    from ops.client import HasServers
    from ops.inquiries.form import ShowInquiry
    from ops.users.report import UserReport
    from store.settings import StoreSettings


class StoredUsers(Protocol):
    """Checkpoints, for reading. Blocks."""

    def load(self, user_ids: Sequence[UserID]) -> Mapping[UserID, Checkpoint | Unreadable]:
        """See ``CheckpointStore``."""


class UnreadableUserError(Exception):
    """Raised when what is stored of a user cannot be read."""


def read_stored(
    store: StoredUsers,
    user_id: UserID,
    limit: int | None = None,
    only: AlarmID | None = None,
    note: str | None = None,
    instance: str | None = None,
) -> UserReport:
    """Report on the checkpoint of a user, who may be unknown; blocks.

    Raises ``StoreUnavailableError`` and ``UnreadableUserError``.
    """
    checkpoint = store.load([user_id]).get(user_id, NEVER_SAVED)
    if not isinstance(checkpoint, Checkpoint):
        raise UnreadableUserError(checkpoint.reason)
    source = Source.STORED if checkpoint.version else Source.NOWHERE
    return report_on(user_id, checkpoint, Provenance(source, instance, note=note), limit, only)


def read_user(settings: HasServers, inquiry: ShowInquiry, *, stored: bool = False) -> UserReport:
    """Report on a user for a command: as the service knows it, else its last checkpoint.

    ``stored`` asks no service. Raises ``CommandFailed`` and ``SettingsError``.
    """
    if stored:
        return _read_from_mongodb(settings.store, inquiry, None)

    async def ask(client: Client) -> tuple[UserReport | None, list[str]]:
        return await ask_for_user(client, settings.bus.queue_group, inquiry)

    try:
        report, errors = with_client(settings.bus, ask)
    except CommandFailed as error:
        report, errors = None, [error.message]
    if report is not None:
        return report
    why = "; ".join(errors) or "no service answers"
    return _read_from_mongodb(settings.store, inquiry, f"{why}; this is the last checkpoint")


def _read_from_mongodb(
    settings: StoreSettings, inquiry: ShowInquiry, note: str | None
) -> UserReport:
    store = StandaloneStore(settings)
    try:
        return read_stored(store, inquiry.user_id, inquiry.limit, inquiry.alarm_id, note)
    except StoreUnavailableError as error:
        raise CommandFailed(f"no answer from MongoDB, see MONGODB_URI: {error}") from error
    except UnreadableUserError as error:
        raise CommandFailed(f"{inquiry.user_id}: {error}") from error
    finally:
        store.close()
