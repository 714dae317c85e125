"""Errors that cost the connection and not the client, and late PONGs."""

from __future__ import annotations

import asyncio

import pytest
from nats.errors import FlushTimeoutError

from tests.unit.bus.connection.client.scripted import ScriptedServer, connected


async def test_a_pong_for_a_flush_that_has_given_up_ends_nothing() -> None:
    """The read loop goes on, and later PONGs answer later flushes."""
    script = ScriptedServer()
    async with connected(script) as client:
        script.answers_pings = False
        with pytest.raises(FlushTimeoutError):
            await client.flush(0.01)  # type: ignore[arg-type]  # waits that long
        script.answer_late()
        await client.flush(5)
        await client.flush(5)
        assert len(script.connects) == 1


async def test_a_message_too_large_costs_the_connection_and_not_the_client() -> None:
    """The account's limit may be lowered while one is under way."""
    script = ScriptedServer()
    back, closed = asyncio.Event(), asyncio.Event()
    heard: list[str] = []

    async def on_reconnected() -> None:
        back.set()

    async def on_closed() -> None:
        closed.set()

    async def on_error(error: Exception) -> None:
        heard.append(str(error))

    async with connected(
        script, reconnected_cb=on_reconnected, closed_cb=on_closed, error_cb=on_error
    ):
        script.say(b"-ERR 'Maximum Payload Violation'\r\n")
        await asyncio.wait_for(back.wait(), 5)
        assert not closed.is_set()
    assert "maximum payload violation" in heard[0]
