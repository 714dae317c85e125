"""ConsoleUsers: users for the console, as this process and MongoDB know them. Blocks."""

from __future__ import annotations

from contextlib import contextmanager
from threading import BoundedSemaphore
from typing import TYPE_CHECKING, Any

import orjson

from actors.errors import StoreUnavailableError
from ops.inquiries.answering import AnswerError
from ops.users.listing import line_of, most_due_first
from ops.users.live import ActorsBusyError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ops.inquiries.answering import Answering
    from ops.inquiries.form import ShowInquiry
    from ops.users.known import KnownUsers
    from store.users.browsing import UserBrowser, UserSummary

SCAN_WITHIN_S = 4.0
"""Ordering all users by what is due looks at each; where that takes longer, it is not for here."""
_FIND_WITHIN_S = 2.0
BROWSING_MAX = 2
"""Who waits for a database that does not answer must not keep others from what is in memory."""


class ConsoleUsers:
    """Looks users up. Called from several threads at a time; every method raises ``AnswerError``.

    Users that live here are shown as they are in memory, the others as they were last saved.
    """

    def __init__(self, answering: Answering, known: KnownUsers, browser: UserBrowser) -> None:
        """Look at one user through ``answering``, at many through the others."""
        self._answering = answering
        self._known = known
        self._browser = browser
        self._browsing = BoundedSemaphore(BROWSING_MAX)
        self._scanning = BoundedSemaphore()

    def show(self, inquiry: ShowInquiry) -> bytes:
        """Return a ``UserReport`` as JSON."""
        return self._answering.show(inquiry.encode())

    def recent(self, limit: int) -> bytes:
        """Return users in memory, of those used last, the ones with most due first."""
        try:
            lines = self._known.list_live(None, limit)
            live = self._known.count_live()
        except ActorsBusyError as error:
            raise AnswerError("504", str(error)) from error
        return orjson.dumps({"users": most_due_first(lines), "live": live, "next": None})

    def by_id(self, prefix: str, after: str, limit: int) -> bytes:
        """Return stored users whose id begins with ``prefix``, in its order."""
        with _only(self._browsing, "others wait for MongoDB already, ask again"), _worded():
            found = self._browser.by_id(prefix, after, limit + 1, _FIND_WITHIN_S)
        shown = found[:limit]
        more = shown[-1].user_id if len(found) > limit else None
        return orjson.dumps({**self._with_live(shown), "next": more})

    def most_due(self, limit: int) -> bytes:
        """Return the stored users with most alarms due; one at a time may ask."""
        with _only(self._scanning, "users are being put in order already, ask again"), _worded():
            found = self._browser.most_due(limit, 0, SCAN_WITHIN_S)
        return orjson.dumps({**self._with_live(found), "next": None})

    def close(self) -> None:
        """Close the connections."""
        self._browser.close()

    def _with_live(self, summaries: Sequence[UserSummary]) -> dict[str, Any]:
        ids = [summary.user_id for summary in summaries]
        try:
            living = {line.user_id: line for line in self._known.list_live(ids, len(ids))}
            live: int | None = self._known.count_live()
        except ActorsBusyError:
            living, live = {}, None
        lines = [living.get(summary.user_id) or line_of(summary) for summary in summaries]
        return {"users": lines, "live": live}


@contextmanager
def _only(some: BoundedSemaphore, otherwise: str) -> Iterator[None]:
    if not some.acquire(blocking=False):
        raise AnswerError("503", otherwise)
    try:
        yield
    finally:
        some.release()


@contextmanager
def _worded() -> Iterator[None]:
    try:
        yield
    except StoreUnavailableError as error:
        raise AnswerError("503", f"no answer from MongoDB in time: {error}") from error
