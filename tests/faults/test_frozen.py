"""A NATS server that stands still with megabytes unsent to it: left, not waited for."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from random import Random
from typing import TYPE_CHECKING

import pytest

from bus.connection.client.client import BUFFER_BYTES
from bus.connection.connection import Connection
from bus.settings import BusSettings
from tests.proxy import FaultProxy

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

SILENT_FOR_S = 1.5
MESSAGE = b"x" * 500_000


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Notice a frozen server in a second and a half in place of six; its pings take longer."""
    monkeypatch.setattr("bus.connection.connection.ASKED_AFTER_S", 0.5)
    monkeypatch.setattr("bus.connection.connection.SILENT_FOR_S", SILENT_FOR_S)


@asynccontextmanager
async def frozen(nats_url: str, ways: int) -> AsyncIterator[tuple[Connection, list[FaultProxy]]]:
    """Connect over one of several proxies, stall that one, and give it more than it takes."""
    port = int(nats_url.rpartition(":")[2])
    proxies = [FaultProxy(port) for _ in range(ways)]
    urls = tuple([f"nats://127.0.0.1:{await proxy.open()}" for proxy in proxies])
    connection = Connection(BusSettings(urls=urls), Random(0), pytest.fail)
    try:
        await connection.open()
        [stalled] = [proxy for proxy in proxies if proxy.connections]
        stalled.stall()
        for _ in range(4 * BUFFER_BYTES // len(MESSAGE)):
            connection.write("nobody.listens", MESSAGE)
        yield connection, proxies
    finally:
        for proxy in proxies:
            proxy.flow()
        await connection.close()
        for proxy in proxies:
            await proxy.close()


async def test_the_other_server_serves_though_megabytes_wait_for_the_frozen_one(
    nats_url: str,
) -> None:
    """A polite close would flush first, for ever: a moment of silence, then a reconnect."""
    async with frozen(nats_url, ways=2) as (connection, _):
        back = asyncio.Event()
        connection.on_reconnected.append(back.set)
        await asyncio.wait_for(back.wait(), SILENT_FOR_S + 5)
        await asyncio.wait_for(connection.written(), 5)
        heard = asyncio.Event()

        async def hear(_: object) -> None:
            heard.set()

        await connection.client.subscribe("wire.again", cb=hear)
        await connection.client.flush()
        connection.write("wire.again", b"!")
        await asyncio.wait_for(heard.wait(), 5)


async def test_a_server_that_has_nothing_to_say_is_not_left(nats_url: str) -> None:
    """It answers when it is asked whether it is there."""
    connection = Connection(BusSettings(urls=(nats_url,)), Random(0), pytest.fail)
    try:
        await connection.open()
        left: list[None] = []
        connection.on_disconnected.append(lambda: left.append(None))
        arrived = connection.client.arrived_bytes
        await asyncio.sleep(2 * SILENT_FOR_S)  # nothing is to happen
        assert not left
        assert connection.client.arrived_bytes > arrived
    finally:
        await connection.close()


async def test_the_stop_does_not_wait_for_a_frozen_server(nats_url: str) -> None:
    """With what is unsent in the pipe: each wait of the close has an end."""
    async with frozen(nats_url, ways=1) as (connection, _):
        began_s = time.monotonic()
        await connection.close()
        assert time.monotonic() - began_s < 10
        assert connection.client.is_closed


async def test_a_pong_that_comes_late_leaves_the_connection_in_use(nats_url: str) -> None:
    """A flush that timed out cancels its future; the PONG for it ended the read loop."""
    proxy = FaultProxy(int(nats_url.rpartition(":")[2]))
    settings = BusSettings(urls=(f"nats://127.0.0.1:{await proxy.open()}",))
    connection = Connection(settings, Random(0), pytest.fail)
    try:
        await connection.open()
        reconnects: list[None] = []
        connection.on_reconnected.append(lambda: reconnects.append(None))
        proxy.stall()
        with pytest.raises(TimeoutError):
            await connection.client.flush(0.1)  # type: ignore[arg-type]  # waits that long
        proxy.flow()
        await connection.client.flush()
        await connection.client.flush()
        assert not reconnects
    finally:
        await connection.close()
        await proxy.close()
