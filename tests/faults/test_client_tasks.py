"""A task of the client's own that ends: noticed, and another connection made."""

from __future__ import annotations

import asyncio
from random import Random
from typing import TYPE_CHECKING, Any

import pytest

from bus.connection.connection import Connection
from bus.settings import BusSettings
from tests.proxy import FaultProxy

if TYPE_CHECKING:
    from nats.aio.client import Srv

AGAIN_S = 10


async def _hears(connection: Connection) -> None:
    heard = asyncio.Event()

    async def hear(_: object) -> None:
        heard.set()

    subscription = await connection.client.subscribe("tasks.again", cb=hear)
    await connection.client.flush()
    connection.write("tasks.again", b"!")
    await asyncio.wait_for(heard.wait(), AGAIN_S)
    await subscription.unsubscribe()


@pytest.mark.parametrize("task", ["_reading_task", "_flusher_task", "_ping_interval_task"])
async def test_a_connection_in_name_only_is_given_up(nats_url: str, task: str) -> None:
    """Each of them ends for good at an error that it does not expect; the client stays "up"."""
    connection = Connection(BusSettings(urls=(nats_url,)), Random(0), pytest.fail)
    try:
        await connection.open()
        back = asyncio.Event()
        connection.on_reconnected.append(back.set)
        getattr(connection.client, task).cancel()
        await asyncio.wait_for(back.wait(), AGAIN_S)
        await _hears(connection)
    finally:
        await connection.close()


async def test_a_reconnect_that_fails_in_an_unknown_way_is_tried_again(
    nats_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A closed transport of uvloop's raises RuntimeError; nats-py never tries again then."""
    proxy = FaultProxy(int(nats_url.rpartition(":")[2]))
    url = f"nats://127.0.0.1:{await proxy.open()}"
    connection = Connection(BusSettings(urls=(url,)), Random(0), pytest.fail)
    try:
        await connection.open()
        connect, tried = connection.client._connect_to_server, 0

        async def closed(server: Srv) -> Any:
            nonlocal tried
            tried += 1
            if tried == 1:
                raise RuntimeError("unable to perform operation on <TCPTransport closed=True>")
            return await connect(server)

        monkeypatch.setattr(connection.client, "_connect_to_server", closed)
        back = asyncio.Event()
        connection.on_reconnected.append(back.set)
        proxy.cut()
        await asyncio.wait_for(back.wait(), AGAIN_S)
        await _hears(connection)
    finally:
        await connection.close()
        await proxy.close()
