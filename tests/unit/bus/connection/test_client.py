"""The client against a scripted server: limits, credentials in URLs, errors, late PONGs."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from nats.aio.client import Client
from nats.errors import FlushTimeoutError, MaxPayloadError

from bus.connection.access import TooManySubscriptionsError
from bus.connection.client import NatsClient

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from nats.aio.msg import Msg

SERVER_LIMIT = 1_000_000


class ScriptedServer:
    """Speaks as much of NATS as a client needs to connect. Runs on the event loop."""

    def __init__(self) -> None:
        """Prepare; accounts have no limit of their own."""
        self.account_limit: int | None = None
        self.answers_pings = True
        self.connects: list[dict[str, Any]] = []
        self.heard: list[bytes] = []
        self._writers: list[asyncio.StreamWriter] = []
        self._held = 0

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection: as a real one, say the account's limit behind the first PONG."""
        self._writers.append(writer)
        self._info(writer, SERVER_LIMIT)
        told = False
        while line := await reader.readline():
            self.heard.append(line)
            verb, _, rest = line.partition(b" ")
            if verb == b"CONNECT":
                self.connects.append(json.loads(rest))
            elif line == b"PING\r\n":
                if not self.answers_pings:
                    self._held += 1
                    continue
                writer.write(b"PONG\r\n")
                if not told and self.account_limit is not None:
                    self._info(writer, self.account_limit)
                told = True

    def say(self, text: bytes) -> None:
        """Say something on the newest connection."""
        self._writers[-1].write(text)

    def answer_late(self) -> None:
        """Answer the pings that were held back."""
        self.answers_pings = True
        self.say(b"PONG\r\n" * self._held)
        self._held = 0

    def limit(self, account_limit: int) -> None:
        """Lower or raise the account's limit while it is connected."""
        self._info(self._writers[-1], account_limit)

    def drop(self) -> None:
        """Close every connection."""
        for writer in self._writers:
            writer.close()

    def _info(self, writer: asyncio.StreamWriter, max_payload: int) -> None:
        info = {"server_id": "S", "max_payload": max_payload, "headers": True}
        info |= {"auth_required": True, "version": "2.15.0"}
        writer.write(b"INFO " + json.dumps(info).encode() + b"\r\n")


@asynccontextmanager
async def connected(
    script: ScriptedServer, user_info: str = "", **options: Any
) -> AsyncIterator[NatsClient]:
    """Connect to a scripted server."""
    server = await asyncio.start_server(script, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    client = NatsClient()
    options |= {"reconnect_time_wait": 0, "max_reconnect_attempts": -1}
    await client.connect(f"nats://{user_info}127.0.0.1:{port}", **options)
    try:
        await client.flush()
        yield client
    finally:
        await client.close()
        script.drop()
        server.close()


async def test_the_account_s_limit_is_obeyed() -> None:
    """It comes in a second greeting, behind the first PONG; also nats-py's own publish knows."""
    script = ScriptedServer()
    script.account_limit = 1000
    async with connected(script) as client:
        assert client.max_payload == 1000
        with pytest.raises(MaxPayloadError):
            await client.publish("s", b"x" * 1001)
        script.limit(500)
        await client.flush()
        assert client.max_payload == 500


async def test_an_account_s_limit_is_no_larger_than_the_server_s() -> None:
    """The server goes by the smaller."""
    script = ScriptedServer()
    script.account_limit = 2 * SERVER_LIMIT
    async with connected(script) as client:
        assert client.max_payload == SERVER_LIMIT


async def test_the_limit_stands_over_a_reconnect_until_it_is_told_anew() -> None:
    """What is written between the two greetings must not exceed it; later it may have gone."""
    script = ScriptedServer()
    script.account_limit = 1000
    limits: list[int] = []
    back = asyncio.Event()
    client: NatsClient

    async def on_disconnected() -> None:
        limits.append(client.max_payload)

    async def on_reconnected() -> None:
        limits.append(client.max_payload)
        client.forget_former_limit()
        back.set()

    async with connected(
        script, disconnected_cb=on_disconnected, reconnected_cb=on_reconnected
    ) as client:
        script.account_limit = None
        script.drop()
        await asyncio.wait_for(back.wait(), 5)
        assert limits == [1000, 1000]
        assert client.max_payload == SERVER_LIMIT


@pytest.mark.parametrize(
    ("user_info", "said"),
    [
        ("al%40ice:p%40ss%2Fw%3A%25@", {"user": "al@ice", "pass": "p@ss/w:%"}),
        ("plain:secret@", {"user": "plain", "pass": "secret"}),
        ("t%2Fken@", {"auth_token": "t/ken"}),
        ("u:100%+x@", {"user": "u", "pass": "100%+x"}),
    ],
)
async def test_what_a_url_says_of_us_is_percent_decoded(
    user_info: str, said: dict[str, str]
) -> None:
    """As everywhere; what is no escape stays as it is."""
    script = ScriptedServer()
    async with connected(script, user_info):
        [connect] = script.connects
    assert {name: connect.get(name) for name in said} == said


async def test_a_user_and_password_of_settings_are_said_as_they_are() -> None:
    """Nobody encodes an environment variable."""
    script = ScriptedServer()
    async with connected(script, user="a%40b", password="c%2Fd"):
        [connect] = script.connects
    assert (connect["user"], connect["pass"]) == ("a%40b", "c%2Fd")


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
