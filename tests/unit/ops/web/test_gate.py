"""What every request of the console's API passes, on a server of the test's own."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import aiohttp
import pytest
from aiohttp import web

from ops.inquiries.answering import AnswerError
from ops.web import gate as gate_module
from ops.web.access import Access
from ops.web.gate import AT_ONCE_MAX, Gate, number
from ops.web.server import WebServer
from ops.web.settings import HttpSettings
from tests.doubles import logged

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    Handler = Callable[[web.Request], Awaitable[bytes]]


@asynccontextmanager
async def _asking(handler: Handler) -> AsyncIterator[aiohttp.ClientSession]:
    settings = HttpSettings("127.0.0.1:0")
    server = WebServer(settings, [web.get("/x", Gate(Access(settings)).reading(handler))])
    await server.start()
    try:
        async with aiohttp.ClientSession(f"http://127.0.0.1:{server.port}") as client:
            yield client
    finally:
        await server.stop()


async def test_who_comes_when_too_many_are_answered_is_told_to_come_again() -> None:
    """And is answered once one of them is done."""
    go, come = asyncio.Event(), asyncio.Semaphore(0)

    async def wait(request: web.Request) -> bytes:
        del request
        come.release()
        await go.wait()
        return b"{}"

    async with _asking(wait) as client:
        asked = [asyncio.create_task(client.get("/x")) for _ in range(AT_ONCE_MAX)]
        for _ in asked:
            await come.acquire()
        surplus = await client.get("/x")
        assert (surplus.status, surplus.headers["Retry-After"]) == (503, "1")
        go.set()
        assert [answer.status for answer in await asyncio.gather(*asked)] == [200] * AT_ONCE_MAX
        assert (await client.get("/x")).status == 200


async def test_what_takes_too_long_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for ever, and nothing is held for it."""
    monkeypatch.setattr(gate_module, "READ_WITHIN_S", 0.01)
    ended = asyncio.Event()

    async def never(request: web.Request) -> bytes:
        del request
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()
        return b""

    async with _asking(never) as client:
        answer = await client.get("/x")
        assert answer.status == 504
        assert "0.01 s" in (await answer.json())["error"]
        await asyncio.wait_for(ended.wait(), 5)


async def test_what_goes_wrong_is_for_the_log_alone(caplog: pytest.LogCaptureFixture) -> None:
    """An exception's text may say what is nobody's business."""

    async def fail(request: web.Request) -> bytes:
        raise ArithmeticError(f"hunter2 {request.path}")

    async with _asking(fail) as client:
        answer = await client.get("/x")
        assert answer.status == 500
        assert "hunter2" not in await answer.text()
    assert logged(caplog.records, "ops.web.gate") == [("ERROR", "console.failed")]


async def test_a_refused_token_is_logged_and_a_missing_one_is_not(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The one may be somebody who guesses; the other is a page that was just opened."""

    async def answer(request: web.Request) -> bytes:
        del request
        return b"{}"

    async with _asking(answer) as client:
        for headers in ({}, {"Authorization": "Bearer guess"}):
            refused = await client.get("/x", headers={"Host": "evil.test", **headers})
            assert refused.status == 421
    assert logged(caplog.records, "ops.web.gate") == [("WARNING", "console.refused")]
    assert "guess" not in caplog.text


@pytest.mark.parametrize("text", ["0", "-1", "1.5", "x", "11", "٣", "9" * 30, " 1"])
def test_a_number_that_is_none_is_refused(text: str) -> None:
    """With a sentence that names it."""
    with pytest.raises(AnswerError, match="limit is not a whole number from 1 to 10"):
        number({"limit": text}, "limit", 5, 10)


def test_a_number_is_read_and_has_a_default() -> None:
    """From 1 to the most."""
    assert number({"limit": "10"}, "limit", 5, 10) == 10
    assert number({}, "limit", 5, 10) == 5
    assert number({"limit": ""}, "limit", None, 10) is None
