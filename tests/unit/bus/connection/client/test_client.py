"""The client against a scripted server: what is refused, and what goes before what."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from nats.aio.client import Client
from nats.errors import FlushTimeoutError

from bus.connection.access import TooManySubscriptionsError
from tests.unit.bus.connection.client.scripted import ScriptedServer, connected

if TYPE_CHECKING:
    from nats.aio.msg import Msg


async def test_a_subscription_too_many_costs_that_subscription_only() -> None:
    """nats-py would close for good; who needs it is told."""
    script = ScriptedServer()
    async with connected(script) as client:
        script.say(b"-ERR 'maximum subscriptions exceeded'\r\n")
        with pytest.raises(TooManySubscriptionsError, match="max_subscriptions"):
            await client.open_lane("s", lambda _: None)
        assert client.is_connected
        assert client.refused_subscriptions == 1


async def test_a_flush_is_behind_all_that_was_sent_before() -> None:
    """Its PONG says that the server has seen it; nats-py's PING overtook what waited."""
    script = ScriptedServer()
    async with connected(script) as client:
        script.heard.clear()
        await client.publish("first", b"")
        await client.subscribe("second")
        await client.flush(5)
        verbs = [line.split()[0] for line in script.heard if line.strip()]
        assert verbs == [b"PUB", b"SUB", b"PING"]


async def test_a_subscription_is_drained_behind_its_end() -> None:
    """What the server sent until it had read UNSUB came behind the PONG, and was thrown away."""
    script = ScriptedServer()
    async with connected(script) as client:
        subscription = await client.subscribe("s", queue="group", cb=_hear)
        await client.flush(5)
        script.heard.clear()
        await subscription.drain()
        assert [line.split()[0] for line in script.heard] == [b"UNSUB", b"PING"]


async def test_a_flush_on_a_connection_that_has_ended_takes_nothing_with_it() -> None:
    """What waits then is for the next connection."""
    script = ScriptedServer()
    async with connected(script) as client:
        script.answers_pings = False
        # As it is from the loss until the task that reconnects has its turn.
        client._status = Client.RECONNECTING
        await client.publish("kept", b"")
        with pytest.raises(FlushTimeoutError):
            await client.flush(0.01)  # type: ignore[arg-type]  # waits that long
        client._status = Client.CONNECTED
        assert client._pending == [b"PUB kept  0\r\n\r\n"]


async def _hear(_: Msg) -> None:
    """Take a message of a subscription that gets none."""
