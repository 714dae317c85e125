"""Routes of dead letters: requests are checked; acting needs the token and the time seen."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import pytest

from ops.web.console.letter_routes import LETTERS_MAX, dead_letter_routes
from tests.unit.ops.web.console.serving import AS_OPERATOR, serving

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

    import aiohttp

    from ops.web.console.letters import ConsoleLetters


class Letters:
    """Remembers what was asked."""

    def __init__(self) -> None:
        """Nothing was."""
        self.asked: list[tuple[object, ...]] = []

    async def page(
        self, before: int | None, limit: int, reason: str | None, subject: str | None
    ) -> bytes:
        """See ``ConsoleLetters``."""
        self.asked.append(("page", before, limit, reason, subject))
        return b"{}"

    async def show(self, sequence: int) -> bytes:
        """See ``ConsoleLetters``."""
        self.asked.append(("show", sequence))
        return b"{}"

    async def replay(self, sequence: int, time: str) -> bytes:
        """See ``ConsoleLetters``."""
        self.asked.append(("replay", sequence, time))
        return b"{}"

    async def drop(self, sequence: int, time: str) -> bytes:
        """See ``ConsoleLetters``."""
        self.asked.append(("drop", sequence, time))
        return b"{}"


def asking(letters: Letters) -> AbstractAsyncContextManager[aiohttp.ClientSession]:
    """Serve them."""
    return serving(lambda gate: dead_letter_routes(gate, lambda: cast("ConsoleLetters", letters)))


async def test_what_is_asked_arrives() -> None:
    """With defaults for what is not said."""
    letters = Letters()
    async with asking(letters) as client:
        await client.get("/api/dead-letters")
        await client.get("/api/dead-letters", params={"before": "7", "limit": str(LETTERS_MAX)})
        await client.get("/api/dead-letters", params={"reason": "not JSON", "subject": "S"})
        await client.get("/api/dead-letters", params={"reason": "", "subject": ""})
        await client.get("/api/dead-letters/7")
        for act in ("replay", "drop"):
            path = f"/api/dead-letters/7/{act}"
            answer = await client.post(path, json={"time": "t"}, headers=AS_OPERATOR)
            assert answer.status == 200
    assert letters.asked == [
        ("page", None, 25, None, None),
        ("page", 7, LETTERS_MAX, None, None),
        ("page", None, 25, "not JSON", "S"),
        ("page", None, 25, None, None),
        ("show", 7),
        ("replay", 7, "t"),
        ("drop", 7, "t"),
    ]


@pytest.mark.parametrize(
    "path",
    [
        "/x",
        "/0",
        "/-1",
        "/99999999999999999999",
        "?limit=0",
        "?before=x",
        "?limit=101",
        f"?reason={'x' * 257}",
        f"?subject={'x' * 257}",
    ],
)
async def test_what_cannot_be_is_refused(path: str) -> None:
    """With a sentence, and nobody is asked."""
    letters = Letters()
    async with asking(letters) as client:
        answer = await client.get(f"/api/dead-letters{path}")
        assert (answer.status, letters.asked) == (400, [])
        assert (await answer.json())["error"]


@pytest.mark.parametrize("body", [b"", b"nonsense", b"[]", b"{}", b'{"time": 5}'])
async def test_who_does_not_say_what_was_seen_acts_on_nothing(body: bytes) -> None:
    """It may be another letter by now."""
    letters = Letters()
    async with asking(letters) as client:
        answer = await client.post("/api/dead-letters/7/drop", data=body, headers=AS_OPERATOR)
        assert (answer.status, letters.asked) == (400, [])


async def test_acting_needs_the_token() -> None:
    """Reading on loopback does not."""
    letters = Letters()
    async with asking(letters) as client:
        answer = await client.post("/api/dead-letters/7/drop", json={"time": "t"})
        assert (answer.status, letters.asked) == (401, [])
