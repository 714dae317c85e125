"""Users for a command: as the running services know them, else as MongoDB has them. Blocks."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from actors.errors import StoreUnavailableError
from ops.cli.connection import with_client
from ops.cli.failures import CommandError
from ops.inquiries.asking import ask_for_list, ask_for_user
from ops.inquiries.form import ListInquiry
from ops.users.listing import line_of, most_due_first
from ops.users.live import ASKED_AT_ONCE_MAX
from ops.users.report import Provenance, Source
from ops.users.stored import UnreadableUserError, read_stored
from store.users.blocking import StandaloneStore
from store.users.browsing import UserBrowser

if TYPE_CHECKING:
    from nats.aio.client import Client

    from actors.rules.alarms import UserID
    from ops.inquiries.form import ShowInquiry
    from ops.settings import Settings
    from ops.users.report import UserLine, UserReport
    from store.settings import StoreSettings
    from store.users.browsing import UserSummary


class Listing(NamedTuple):
    """A page of users."""

    lines: list[UserLine]
    stored: int | None
    """How many users are stored, roughly; None where that was not asked."""
    live: int | None
    """How many live; None when no service answers."""


def list_live(settings: Settings, limit: int) -> Listing:
    """List the live users that were used last; raises ``CommandError``."""
    lines, live = _ask(settings, ListInquiry(None, min(limit, ASKED_AT_ONCE_MAX)))
    if live is None:
        raise CommandError("no service answers: does it run, with NATS_MICRO on?")
    return Listing(most_due_first(lines), None, live)


def list_stored(settings: Settings, limit: int, page: int) -> Listing:
    """List a page of the stored users, those that live as they are in memory.

    The order is that of what is stored. Raises ``CommandError``.
    """
    found, stored = _browse(settings.store, limit, (page - 1) * limit)
    ids: tuple[UserID, ...] = tuple(summary.user_id for summary in found)
    try:
        lines, live = _ask(settings, ListInquiry(ids[:ASKED_AT_ONCE_MAX], ASKED_AT_ONCE_MAX))
    except CommandError:
        lines, live = [], None
    living = {line.user_id: line for line in lines}
    return Listing(
        [living.get(summary.user_id) or line_of(summary) for summary in found], stored, live
    )


def _browse(settings: StoreSettings, limit: int, skip: int) -> tuple[list[UserSummary], int]:
    with UserBrowser(settings) as browser:
        try:
            return browser.most_due(limit, skip), browser.count()
        except StoreUnavailableError as error:
            raise CommandError(f"no answer from MongoDB, see MONGODB_URI: {error}") from error


def _ask(settings: Settings, inquiry: ListInquiry) -> tuple[list[UserLine], int | None]:
    async def ask(client: Client) -> tuple[list[UserLine], int | None]:
        return await ask_for_list(client, settings.bus.queue_group, inquiry)

    return with_client(settings.bus, ask)


def read_user(settings: Settings, inquiry: ShowInquiry, *, stored: bool = False) -> UserReport:
    """Report on a user for a command: as the service knows it, else its last checkpoint.

    ``stored`` asks no service. Raises ``CommandError`` and ``SettingsError``.
    """
    if stored:
        return _read_from_mongodb(settings.store, inquiry, None)

    async def ask(client: Client) -> tuple[UserReport | None, str | None]:
        return await ask_for_user(client, settings.bus.queue_group, inquiry)

    try:
        report, why = with_client(settings.bus, ask)
    except CommandError as error:
        report, why = None, str(error)
    if report is not None:
        return report
    return _read_from_mongodb(settings.store, inquiry, f"{why}; this is the last checkpoint")


def _read_from_mongodb(
    settings: StoreSettings, inquiry: ShowInquiry, note: str | None
) -> UserReport:
    store = StandaloneStore(settings)
    try:
        provenance = Provenance(Source.STORED, note=note)
        return read_stored(store, inquiry.user_id, provenance, inquiry.limit, inquiry.alarm_id)
    except StoreUnavailableError as error:
        raise CommandError(f"no answer from MongoDB, see MONGODB_URI: {error}") from error
    except UnreadableUserError as error:
        raise CommandError(f"{inquiry.user_id}: {error}") from error
    finally:
        store.close()
