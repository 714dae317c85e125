"""The server: who may come, what each answer bears, and an address that cannot be had."""

from __future__ import annotations

import asyncio
import socket
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import aiohttp
import pytest
from aiohttp import web

from actors.errors import SettingsError
from ops.web import server as server_module
from ops.web.server import MAX_BODY_BYTES, MAX_CONNECTIONS, WebServer
from ops.web.settings import HttpSettings
from tests.doubles import logged

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator


async def _hello(request: web.Request) -> web.Response:
    await request.read()
    return web.Response(text="hello")


@asynccontextmanager
async def _serving(address: str = "127.0.0.1:0") -> AsyncIterator[WebServer]:
    routes = [web.get("/hello", _hello), web.post("/hello", _hello)]
    server = WebServer(HttpSettings(address), routes)
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


@pytest.fixture
def taken() -> Iterator[str]:
    """An address at which somebody else listens."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        yield f"127.0.0.1:{other.getsockname()[1]}"


async def test_an_answer_is_not_kept_and_does_not_say_what_runs() -> None:
    """A probe's answer from a cache would be a lie."""
    async with _serving() as server, aiohttp.ClientSession() as client:
        answer = await client.get(f"http://127.0.0.1:{server.port}/hello")
        assert await answer.text() == "hello"
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Server"] == "alarm-digest"
        missing = await client.get(f"http://127.0.0.1:{server.port}/absent")
        assert (missing.status, missing.headers["Server"]) == (404, "alarm-digest")


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("127.0.0.1:0", "127.0.0.1"),
        ("localhost:0", "localhost"),
        ("[::1]:0", "[::1]"),
    ],
)
async def test_others_are_told_of_the_port_that_was_bound(address: str, shown: str) -> None:
    """Any that is free is the server's choice; all addresses are no address to go to."""
    try:
        async with _serving(address) as server:
            assert server.port > 0
            assert server.address == f"{shown}:{server.port}"
    except SettingsError:
        assert address.startswith("[")
        pytest.skip("no IPv6 here")
    assert server.address is None


@pytest.mark.parametrize(
    ("found", "shown"),
    [
        (["10.1.2.3"], "10.1.2.3"),
        (["127.0.1.1"], socket.gethostname()),
        (["127.0.0.1", "fd00::7"], "[fd00::7]"),
        ([], socket.gethostname()),
    ],
)
async def test_who_listens_at_all_addresses_tells_others_of_one(
    found: list[str], shown: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a container's /etc/hosts has it, Debian's, one with both, and none."""

    async def look_up(name: str) -> list[str]:
        assert name == socket.gethostname()
        if not found:
            raise socket.gaierror("unknown")
        return found

    server = WebServer(HttpSettings("0.0.0.0:0"), [])
    monkeypatch.setattr(server_module, "_look_up", look_up)
    await server.start()
    try:
        assert server.address == f"{shown}:{server.port}"
    finally:
        await server.stop()


async def test_a_body_that_is_too_large_is_refused() -> None:
    """What the server holds is bounded."""
    async with _serving() as server, aiohttp.ClientSession() as client:
        url = f"http://127.0.0.1:{server.port}/hello"
        assert (await client.post(url, data=bytes(MAX_BODY_BYTES))).status == 200
        assert (await client.post(url, data=bytes(MAX_BODY_BYTES + 1))).status == 413


async def test_who_comes_when_too_many_are_connected_is_turned_away() -> None:
    """And let in again when somebody has left."""
    async with _serving() as server:
        writers = []
        for _ in range(MAX_CONNECTIONS):
            _, writer = await asyncio.open_connection("127.0.0.1", server.port)
            writers.append(writer)
        reader, surplus = await asyncio.open_connection("127.0.0.1", server.port)
        assert await asyncio.wait_for(reader.read(), 5) == b""
        surplus.close()
        writers.pop().close()
        async with aiohttp.ClientSession() as client, asyncio.timeout(10):
            while not await _is_served(client, server.port):  # noqa: ASYNC110  # asks a server
                await asyncio.sleep(0)
        for writer in writers:
            writer.close()


async def test_an_address_that_is_in_use_is_a_wrong_setting(taken: str) -> None:
    """It was asked for."""
    message = rf"^HTTP_ADDRESS: cannot listen at {taken}: it is in use; set another, or off$"
    with pytest.raises(SettingsError, match=message):
        async with _serving(taken):
            pass


async def test_the_default_address_in_use_is_a_warning(
    taken: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Nobody asked for it; the alarms go on."""
    monkeypatch.setattr(server_module, "DEFAULT_ADDRESS", taken)
    async with _serving(taken) as server:
        assert server.port == 0
    assert logged(caplog.records, "ops.web") == [("WARNING", "http.not_served")]


async def test_off_listens_nowhere() -> None:
    """And stopping it is no trouble."""
    async with _serving("off") as server:
        assert server.port == 0


async def _is_served(client: aiohttp.ClientSession, port: int) -> bool:
    try:
        answer = await client.get(f"http://127.0.0.1:{port}/hello")
    except aiohttp.ClientConnectionError:
        return False
    return answer.status == 200
