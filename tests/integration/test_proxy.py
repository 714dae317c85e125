"""The fault proxy, which must break a connection just as it says."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from tests.proxy import FaultProxy

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


async def _echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while chunk := await reader.read(100):
        writer.write(chunk)
    writer.close()


@asynccontextmanager
async def _proxied() -> AsyncIterator[tuple[FaultProxy, int]]:
    server = await asyncio.start_server(_echo, "127.0.0.1", 0)
    proxy = FaultProxy(int(server.sockets[0].getsockname()[1]))
    try:
        yield proxy, await proxy.open()
    finally:
        await proxy.close()
        server.close()


async def _said(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
    writer.write(b"hello")
    return await asyncio.wait_for(reader.readexactly(5), 5)


async def test_it_forwards_both_ways() -> None:
    """As long as nothing else is wanted."""
    async with _proxied() as (_, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        assert await _said(reader, writer) == b"hello"
        writer.close()


async def test_a_cut_connection_is_reset_and_a_new_one_is_to_be_had() -> None:
    """As by a firewall that was restarted."""
    async with _proxied() as (proxy, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        await _said(reader, writer)
        proxy.cut()
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await _said(reader, writer)
        again = await asyncio.open_connection("127.0.0.1", port)
        assert await _said(*again) == b"hello"
        again[1].close()


async def test_while_it_refuses_no_connection_lasts() -> None:
    """It is made, and reset."""
    async with _proxied() as (proxy, port):
        proxy.refusing = True
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await _said(reader, writer)


async def test_a_stalled_connection_keeps_back_what_then_comes_at_once() -> None:
    """Nothing is lost of it."""
    async with _proxied() as (proxy, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        await _said(reader, writer)
        proxy.stall()
        writer.write(b"hello")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.read(5), 0.2)
        proxy.flow()
        assert await asyncio.wait_for(reader.readexactly(5), 5) == b"hello"
        writer.close()


async def test_a_slow_connection_takes_its_time() -> None:
    """The latency is waited for in either direction."""
    async with _proxied() as (proxy, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        proxy.latency_s = 0.1
        began_s = asyncio.get_running_loop().time()
        await _said(reader, writer)
        # uvloop's clock counts milliseconds: each wait may seem one shorter.
        assert asyncio.get_running_loop().time() - began_s >= 0.198
        writer.close()
