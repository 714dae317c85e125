"""Listing users for a command: stored ones by what is due, corrected by what lives."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from actors.errors import StoreUnavailableError
from ops.client import with_client
from ops.failures import CommandFailed
from ops.inquiries.asking import ask_for_list
from ops.inquiries.form import ListInquiry
from ops.users.live import ASKED_AT_ONCE_MAX
from ops.users.report import Source, UserLine
from store.users.browsing import UserBrowser

if TYPE_CHECKING:
    from collections.abc import Iterable

    from nats.aio.client import Client

    from actors.rules.alarms import UserID
    from ops.client import HasServers
    from store.settings import StoreSettings
    from store.users.browsing import UserSummary


class Listing(NamedTuple):
    """A page of users."""

    lines: list[UserLine]
    stored: int | None
    """How many users are stored, roughly; None where that was not asked."""
    live: int | None
    """How many live; None when no service answers."""


def list_live(settings: HasServers, limit: int) -> Listing:
    """List the live users that were used last; raises ``CommandFailed``."""
    lines, live = _ask(settings, ListInquiry(None, min(limit, ASKED_AT_ONCE_MAX)))
    if live is None:
        raise CommandFailed("no service answers: does it run, with NATS_MICRO on?")
    return Listing(most_due_first(lines), None, live)


def list_stored(settings: HasServers, limit: int, page: int) -> Listing:
    """List a page of the stored users, those that live as they are in memory.

    The order is that of what is stored. Raises ``CommandFailed``.
    """
    found, stored = _browse(settings.store, limit, (page - 1) * limit)
    ids: tuple[UserID, ...] = tuple(summary.user_id for summary in found)
    try:
        lines, live = _ask(settings, ListInquiry(ids[:ASKED_AT_ONCE_MAX], ASKED_AT_ONCE_MAX))
    except CommandFailed:
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
            raise CommandFailed(f"no answer from MongoDB, see MONGODB_URI: {error}") from error


def _ask(settings: HasServers, inquiry: ListInquiry) -> tuple[list[UserLine], int | None]:
    async def ask(client: Client) -> tuple[list[UserLine], int | None]:
        return await ask_for_list(client, settings.bus.queue_group, inquiry)

    return with_client(settings.bus, ask)


def line_of(summary: UserSummary) -> UserLine:
    """Return a stored user in numbers."""
    return UserLine(
        user_id=summary.user_id,
        source=Source.STORED,
        instance=None,
        unsaved=None,
        digests=summary.digests,
        owes=summary.owes,
        known=summary.known,
        active=summary.active,
        due=summary.due,
    )


def most_due_first(lines: Iterable[UserLine]) -> list[UserLine]:
    """Return users, those first of whom the next digest would carry most."""
    return sorted(lines, key=lambda line: (-line.due, -line.active, line.user_id))
