"""Users for the console: stored ones as they are in memory where they live, bounded in number."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import orjson
import pytest

from actors.errors import StoreUnavailableError
from actors.rules.alarms import UserID
from ops.inquiries.answering import AnswerError, Answering
from ops.inquiries.form import ShowInquiry
from ops.users.known import KnownUsers
from ops.users.live import LiveUsers
from ops.web.console.users import BROWSING_MAX, ConsoleUsers
from store.users.browsing import UserSummary
from tests.doubles import FaultyStore, Inbox
from tests.unit.ops.running import Running, running

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from store.users.browsing import UserBrowser


def stored(user_id: str, due: int = 0) -> UserSummary:
    """Return a stored user."""
    return UserSummary(UserID(user_id), 9, 9, due, 1, owes=False)


@dataclass
class Browser:
    """Finds what it was given, most due first; or does not answer."""

    found: list[UserSummary] = field(default_factory=list)
    fault: str | None = None
    closed: bool = False
    waits: threading.Event | None = None
    came: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))

    def by_id(self, prefix: str, after: str, limit: int, within_s: float) -> list[UserSummary]:
        """See ``UserBrowser``."""
        del prefix, after
        return self._answer(limit, within_s)

    def most_due(self, limit: int, skip: int, within_s: float) -> list[UserSummary]:
        """See ``UserBrowser``."""
        del skip
        return self._answer(limit, within_s)

    def close(self) -> None:
        """See ``UserBrowser``."""
        self.closed = True

    def _answer(self, limit: int, within_s: float) -> list[UserSummary]:
        self.came.release()
        if self.waits is not None:
            assert self.waits.wait(within_s + 10)
        if self.fault is not None:
            raise StoreUnavailableError(self.fault)
        return self.found[:limit]


def console(router: Any, browser: Browser) -> ConsoleUsers:
    """Return what answers, on actors and a browser."""
    known = KnownUsers(LiveUsers(router, timeout_s=2.0), FaultyStore(), "me")
    return ConsoleUsers(Answering(known, 10_000), known, cast("UserBrowser", browser))


@pytest.fixture
def actors() -> Iterator[Running]:
    """Actors at work: one alarm due of x, two of y."""
    with running() as started:
        started.event("x")
        started.event("y")
        started.event("y", "b")
        yield started


def test_one_user_is_a_report(actors: Running) -> None:
    """Of its actor, where it lives."""
    shown = orjson.loads(console(actors.router, Browser()).show(ShowInquiry(UserID("y"))))
    assert (shown["source"], shown["due"]) == ("live", 2)


def test_users_used_last_come_with_most_due_first(actors: Running) -> None:
    """And with how many live in all."""
    answer = orjson.loads(console(actors.router, Browser()).recent(10))
    assert [line["user_id"] for line in answer["users"]] == ["y", "x"]
    assert (answer["live"], answer["next"]) == (2, None)


def test_stored_users_are_shown_as_they_live_in_the_order_they_were_found(actors: Running) -> None:
    """The order is MongoDB's, the numbers are the service's where it has newer ones."""
    browser = Browser([stored("x", due=8), stored("z", due=7), stored("y")])
    answer = orjson.loads(console(actors.router, browser).most_due(10))
    shown = [(line["user_id"], line["source"], line["due"]) for line in answer["users"]]
    assert shown == [("x", "live", 1), ("z", "stored", 7), ("y", "live", 2)]


def test_a_page_of_ids_says_where_the_next_begins() -> None:
    """None behind the last, even where the page is full."""
    users = console(Inbox().actor_ref, Browser([stored("a"), stored("b"), stored("c")]))
    users._known._live._timeout_s = 0.01
    assert orjson.loads(users.by_id("", "", 2))["next"] == "b"
    assert orjson.loads(users.by_id("", "", 3))["next"] is None


def test_actors_that_are_busy_cost_the_live_numbers_only() -> None:
    """What is stored can be shown all the same; who lives cannot."""
    users = console(Inbox().actor_ref, Browser([stored("a")]))
    users._known._live._timeout_s = 0.01
    answer = orjson.loads(users.most_due(5))
    assert ([line["source"] for line in answer["users"]], answer["live"]) == (["stored"], None)
    with pytest.raises(AnswerError) as failed:
        users.recent(5)
    assert failed.value.code == "504"


def test_a_database_that_is_away_is_an_answer() -> None:
    """With a reason."""
    users = console(Inbox().actor_ref, Browser(fault="no primary"))
    with pytest.raises(AnswerError, match="no primary") as failed:
        users.by_id("", "", 5)
    assert failed.value.code == "503"


@pytest.mark.parametrize(
    ("ask", "most"),
    [
        (lambda users: users.by_id("", "", 5), BROWSING_MAX),
        (lambda users: users.most_due(5), 1),
    ],
)
def test_only_so_many_wait_for_a_database_at_a_time(
    ask: Callable[[ConsoleUsers], bytes], most: int
) -> None:
    """Who comes then is told to ask again, and may once one of them is done."""
    browser = Browser([stored("a")], waits=threading.Event())
    users = console(Inbox().actor_ref, browser)
    users._known._live._timeout_s = 0.01
    waiting = [threading.Thread(target=ask, args=(users,)) for _ in range(most)]
    for thread in waiting:
        thread.start()
    for _ in waiting:
        assert browser.came.acquire(timeout=10)
    with pytest.raises(AnswerError, match="ask again"):
        ask(users)
    assert browser.waits is not None
    browser.waits.set()
    for thread in waiting:
        thread.join(10)
    assert ask(users)


def test_closing_closes_the_connections() -> None:
    """They are of its own."""
    browser = Browser()
    console(Inbox().actor_ref, browser).close()
    assert browser.closed
