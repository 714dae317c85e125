"""A user for a command where no service and no MongoDB answer: what is said, and what is tried."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Self

import pytest

from actors.errors import StoreUnavailableError
from actors.ports import Checkpoint
from actors.rules.alarms import Alarm, AlarmID, Severity, UserID
from actors.rules.digest import NEVER_TOLD
from ops.cli.failures import CommandError
from ops.cli.remote import users as remote_users
from ops.cli.remote.users import list_live, list_stored, read_user
from ops.inquiries.form import ListInquiry, ShowInquiry
from ops.settings import Settings
from ops.users.listing import line_of
from ops.users.report import Provenance, Source, UserLine, UserReport, report_on
from store.users.browsing import UserSummary
from tests.doubles import FaultyStore
from tests.unit.ops.scripted_client import ScriptedClient

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from nats.aio.client import Client

USER = UserID("u")
INQUIRY = ShowInquiry(USER)
ALARM = Alarm(Severity.CRITICAL, 5, Severity.CLEARED, None, news=True, heard_at_s=1)
LIVE = report_on(USER, Checkpoint(3, {AlarmID("a"): ALARM}, NEVER_TOLD), Provenance(Source.LIVE))
SUMMARY = UserSummary(USER, 9, 5, 3, 7, owes=False)


class Database(FaultyStore):
    """MongoDB, as a command opens it."""

    def __init__(self) -> None:
        """Know nobody; list one."""
        super().__init__()
        self.closed = 0
        self.away = False

    def close(self) -> None:
        """See ``StandaloneStore``."""
        self.closed += 1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def most_due(self, limit: int, skip: int) -> list[UserSummary]:
        """See ``UserBrowser``."""
        del limit, skip
        if self.away:
            raise StoreUnavailableError("no primary")
        return [SUMMARY]

    def count(self) -> int:
        """See ``UserBrowser``."""
        return 41


@pytest.fixture
def database(monkeypatch: pytest.MonkeyPatch) -> Database:
    """What a command finds behind MONGODB_URI."""
    made = Database()
    monkeypatch.setattr(remote_users, "StandaloneStore", lambda _: made)
    monkeypatch.setattr(remote_users, "UserBrowser", lambda _: made)
    return made


def answering(monkeypatch: pytest.MonkeyPatch, answer: object) -> None:
    """Have the services answer so, or NATS be away where that is an error."""

    def with_client(*_: object) -> object:
        if isinstance(answer, CommandError):
            raise answer
        return answer

    monkeypatch.setattr(remote_users, "with_client", with_client)


def read(*, stored: bool = False) -> UserReport:
    """Read the user."""
    return read_user(Settings(), INQUIRY, stored=stored)


def test_what_a_service_says_is_it_and_mongodb_is_not_asked(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may know more than what is saved."""
    answering(monkeypatch, (LIVE, None))
    assert read() == LIVE
    assert database.closed == 0


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ((None, "no service answers"), "no service answers"),
        ((None, "too many requests"), "too many requests"),
        (CommandError("no answer from NATS"), "no answer from NATS"),
    ],
)
def test_without_one_the_last_checkpoint_is_shown_and_why_it_is(
    answer: object, why: str, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """NATS may be the very thing that is down."""
    answering(monkeypatch, answer)
    report = read()
    assert (report.source, report.note) == (Source.NOWHERE, f"{why}; this is the last checkpoint")
    assert database.closed == 1


def test_nobody_is_asked_where_the_checkpoint_is_wanted(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And nothing needs to be noted of it."""
    answering(monkeypatch, CommandError("must not be asked"))
    assert read(stored=True).note is None
    database.load_faults = 1
    with pytest.raises(CommandError, match="see MONGODB_URI"):
        read(stored=True)
    database.unreadable[USER] = "schema 9"
    with pytest.raises(CommandError, match="u: schema 9"):
        read(stored=True)
    assert database.closed == 3


def test_a_list_shows_stored_users_as_they_live(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those that no service knows as they are stored."""
    alive = UserLine(USER, Source.LIVE, 8, False, 9, 5, 0, "me", 1)  # noqa: FBT003  # a row
    answering(monkeypatch, ([alive], 2))
    assert list_stored(Settings(), 10, 1) == ([alive], 41, 2)
    answering(monkeypatch, CommandError("no answer from NATS"))
    assert list_stored(Settings(), 10, 1) == ([line_of(SUMMARY)], 41, None)
    database.away = True
    with pytest.raises(CommandError, match="no primary"):
        list_stored(Settings(), 10, 1)


def test_the_services_are_asked_for_the_users_of_the_page(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And for no others."""
    nats = ScriptedClient()

    def with_client(_: object, work: Callable[[Client], Coroutine[Any, Any, object]]) -> object:
        return asyncio.run(work(nats.client))

    monkeypatch.setattr(remote_users, "with_client", with_client)
    assert list_stored(Settings(), 10, 1).live is None
    ((_, body, _),) = nats.sent
    assert ListInquiry.decode(body).user_ids == (USER,)
    assert database.closed == 1


def test_live_users_need_a_service(monkeypatch: pytest.MonkeyPatch) -> None:
    """MongoDB does not know who lives."""
    few = [line_of(SUMMARY), line_of(SUMMARY._replace(user_id=UserID("v"), due=9))]
    answering(monkeypatch, (few, 2))
    assert list_live(Settings(), 10) == (few[::-1], None, 2)
    answering(monkeypatch, ([], None))
    with pytest.raises(CommandError, match="no service answers"):
        list_live(Settings(), 10)
