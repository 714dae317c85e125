"""Routes of users: requests are checked, and worked on by threads that are bounded in number."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, cast

import pytest

from ops.inquiries.form import ShowInquiry
from ops.web.console.user_routes import USERS_MAX, WORKING_MAX, user_routes
from tests.unit.ops.web.console.serving import serving

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

    import aiohttp

    from ops.web.console.users import ConsoleUsers


class Users:
    """Remembers what was asked; waits where a test wants that."""

    def __init__(self) -> None:
        """Nothing was."""
        self.asked: list[tuple[object, ...]] = []
        self.waits: threading.Event | None = None
        self.came = threading.Semaphore(0)

    def show(self, inquiry: ShowInquiry) -> bytes:
        """See ``ConsoleUsers``."""
        return self._answer("show", inquiry)

    def recent(self, limit: int) -> bytes:
        """See ``ConsoleUsers``."""
        return self._answer("recent", limit)

    def most_due(self, limit: int) -> bytes:
        """See ``ConsoleUsers``."""
        return self._answer("most_due", limit)

    def by_id(self, prefix: str, after: str, limit: int) -> bytes:
        """See ``ConsoleUsers``."""
        return self._answer("by_id", prefix, after, limit)

    def _answer(self, *asked: object) -> bytes:
        self.asked.append(asked)
        self.came.release()
        if self.waits is not None:
            assert self.waits.wait(20)
        return b"{}"


def asking(users: Users) -> AbstractAsyncContextManager[aiohttp.ClientSession]:
    """Serve them."""
    return serving(lambda gate: user_routes(gate, lambda: cast("ConsoleUsers", users)))


async def test_what_is_asked_arrives() -> None:
    """Ids unchanged, whatever is in them."""
    users, hostile = Users(), "../a b?&#🔥"
    async with asking(users) as client:
        await client.get("/api/users")
        await client.get("/api/users", params={"order": "due", "limit": str(USERS_MAX)})
        await client.get("/api/users", params={"order": "id", "prefix": hostile, "after": "x"})
        await client.get("/api/user", params={"user": hostile})
        await client.get("/api/user", params={"user": "u", "alarm": hostile, "limit": "3"})
    assert users.asked == [
        ("recent", 50),
        ("most_due", USERS_MAX),
        ("by_id", hostile, "x", 50),
        ("show", ShowInquiry(hostile, None, 200)),  # type: ignore[arg-type]  # an id
        ("show", ShowInquiry("u", hostile, 3)),  # type: ignore[arg-type]  # likewise
    ]


@pytest.mark.parametrize(
    "path",
    [
        "users?order=name",
        f"users?limit={USERS_MAX + 1}",
        "users?order=id&prefix=%00",
        f"users?order=id&after={257 * 'x'}",
        "user",
        "user?user=",
        f"user?user={65 * '%F0%9F%94%A5'}",
        "user?user=u&alarm=%00",
    ],
)
async def test_what_can_be_no_request_is_refused(path: str) -> None:
    """With a sentence, and nobody is asked."""
    users = Users()
    async with asking(users) as client:
        answer = await client.get(f"/api/{path}")
        assert (answer.status, users.asked) == (400, [])


async def test_threads_are_bounded_in_number() -> None:
    """Also those whose answer nobody waits for any more."""
    users = Users()
    users.waits = threading.Event()
    async with asking(users) as client:
        asked = [asyncio.create_task(client.get("/api/users")) for _ in range(WORKING_MAX)]
        for _ in asked:
            assert await asyncio.to_thread(users.came.acquire, timeout=10)
        surplus = await client.get("/api/users")
        assert surplus.status == 503
        users.waits.set()
        assert [(await one).status for one in asked] == [200] * WORKING_MAX
        assert (await client.get("/api/users")).status == 200
