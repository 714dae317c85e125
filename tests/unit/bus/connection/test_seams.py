"""Seams: what ``bus.connection.client`` relies on of others' insides, each held with a sentence.

When one of these fails after an upgrade, the sentence says what to look at in that package.
"""

from __future__ import annotations

import asyncio
import inspect
from pathlib import Path
from typing import TYPE_CHECKING

import aiohttp
import pytest
import uvloop
from aiohttp import web
from nats.aio.client import Client, Srv
from nats.aio.subscription import Subscription
from nats.aio.transport import TcpTransport, WebSocketTransport
from nats.micro.service import EndpointStats
from nats.protocol.parser import Parser

from bus.connection.client.client import NatsClient
from bus.connection.client.parser import LaneParser

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[4]
ATTRIBUTES = {
    "_ps": "the parser, which LaneParser takes the place of",
    "_server_info": "the server's greeting, which NatsClient.greeting shows",
    "_public_nkey": "the NKey that CONNECT says, which NatsClient.show sets",
    "_pending": "what waits to be written, which write_commands and _send_ping take",
    "_pending_data_size": "its size, which they set back",
    "_transport": "the transport, which abort drops",
    "_current_server": "the server whose scheme decides about TLS",
    "_pongs": "the flushes that wait for a PONG",
    "_pongs_received": "their count",
    "_pings_outstanding": "pings without an answer, which a PONG sets back",
    "_max_payload": "the largest message, which the account's limit lowers",
    "_reading_task": "the read loop, whose end NatsClient.leave_if_deaf notices",
    "_flusher_task": "the flusher, likewise",
    "_ping_interval_task": "the pinger, likewise",
    "_status": "what a reconnect that went wrong sets back",
    "options": "the options, of which reconnect_time_wait, user and token are used",
}
SIGNATURES: dict[str, list[str]] = {
    "_process_info": ["self", "info", "initial_connection"],
    "_process_err": ["self", "err_msg"],
    "_process_op_err": ["self", "e"],
    "_process_pong": ["self"],
    "_send_ping": ["self", "future"],
    "_process_msg": ["self", "sid", "subject", "reply", "data", "headers"],
    "_attempt_reconnect": ["self"],
    "_connect_to_server": ["self", "s"],
    "_connect_command": ["self"],
    "_send_command": ["self", "cmd", "priority"],
}
CALLS: list[tuple[Callable[..., object], str, str]] = [
    (
        Client._read_loop,
        "read(DEFAULT_BUFFER_SIZE)",
        "the read loop reads the module's DEFAULT_BUFFER_SIZE, which bus.connection.client raises",
    ),
    (Client._read_loop, "self._ps.parse(", "the read loop gives what it reads to _ps.parse"),
    (Parser.parse, "self.nc._process_msg(", "the parser hands messages to _process_msg"),
    (Parser.parse, "self.nc._process_info(", "the parser hands later greetings to _process_info"),
    (Parser.parse, "self.nc._process_err(", "the parser hands errors to _process_err"),
    (Parser.parse, "self.nc._process_pong(", "the parser hands PONGs to _process_pong"),
    (
        Client._process_connect_init,
        "self._process_info(srv_info, initial_connection=True)",
        "the first greeting is marked as such, before anything is encrypted or said",
    ),
    (
        Client._process_connect_init,
        'self._max_payload = self._server_info["max_payload"]',
        "the first greeting's max_payload is the server's",
    ),
    (Client._process_connect_init, "self._connect_command()", "CONNECT is composed there"),
    (Client.publish, "self._max_payload", "publish looks at _max_payload"),
    (Client._process_op_err, "self._attempt_reconnect()", "a lost connection is tried again there"),
    (Client._attempt_reconnect, "self._transport.close()", "it closes the former transport first"),
    (
        Client._attempt_reconnect,
        "await self.flush()",
        "it flushes before reconnected_cb: what the server says of our account is read by then",
    ),
    (Client._select_next_server, "self._connect_to_server(", "each attempt connects there"),
    (
        Client._select_next_server,
        'self.options["reconnect_time_wait"]',
        "each attempt reads how long to wait",
    ),
    (Client._process_pong, "self._pongs.pop(0)", "PONGs answer flushes in their order"),
    (Client.flush, "self._send_ping(future)", "a flush asks there, behind what waits"),
    (Client._ping_interval, "self._send_ping()", "the pinger asks there, too"),
    (
        Subscription._drain,
        "await self._conn._send_unsubscribe(self._id)",
        "a drained subscription is ended first",
    ),
    (Subscription._drain, "await self._conn.flush()", "it waits for the server by a flush"),
    (Client._flusher, "self._pending_data_size = 0", "the flusher does what write_commands does"),
]


@pytest.mark.parametrize("name", ATTRIBUTES)
def test_the_client_has_what_is_reached_of_it(name: str) -> None:
    """Under that name, in an instance."""
    assert hasattr(Client(), name), f"nats-py's Client has no {name} any more: {ATTRIBUTES[name]}"


@pytest.mark.parametrize("name", SIGNATURES)
def test_what_is_overridden_or_called_takes_the_same_arguments(name: str) -> None:
    """An override that is never called, or called otherwise, does nothing and says nothing."""
    theirs = list(inspect.signature(getattr(Client, name)).parameters)
    assert theirs == SIGNATURES[name], f"nats-py's Client.{name} takes {theirs} now"


@pytest.mark.parametrize(("caller", "fragment", "sentence"), CALLS)
def test_what_is_relied_on_is_done(
    caller: Callable[..., object], fragment: str, sentence: str
) -> None:
    """Read from the source: that something is not done any more shows in no signature."""
    source = inspect.getsource(caller)
    assert fragment in source, f"{caller.__qualname__} has no {fragment!r} any more: {sentence}"


def test_nats_py_still_ignores_the_account_s_limit() -> None:
    """When it learns to read it, ``NatsClient._process_info`` need not."""
    theirs = inspect.getsource(Client._process_info)
    assert "max_payload" not in theirs, "nats-py reads a later greeting's max_payload by now"


def test_nats_py_still_sets_a_future_that_was_cancelled() -> None:
    """When it looks before it sets, ``NatsClient._process_pong`` need not."""
    assert "done()" not in inspect.getsource(Client._process_pong), "nats-py looks by now"


def test_nats_py_still_writes_a_ping_past_what_waits() -> None:
    """When it has it wait its turn, ``NatsClient._send_ping`` need not."""
    theirs = inspect.getsource(Client._send_ping)
    assert "self._transport.write(PING_PROTO)" in theirs, "nats-py's PING waits its turn by now"


def test_the_parser_keeps_its_place_in_state_and_buf() -> None:
    """The lanes begin where a control line is awaited, and leave to it what is not whole."""
    parser = LaneParser(NatsClient(), {b"7": lambda _: None})
    assert (parser.state, bytes(parser.buf)) == (1, b""), "nats-py's Parser begins otherwise"
    asyncio.run(parser.parse(b"MSG s 7 5\r\nbo"))
    assert bytes(parser.buf) == b"MSG s 7 5\r\nbo", "nats-py keeps the rest elsewhere"


def test_a_subscription_has_the_number_that_the_server_calls_it_by() -> None:
    """It stands in each MSG line."""
    assert Subscription(Client(), 7)._id == 7, "nats-py's Subscription has no _id any more"


def test_connect_is_a_verb_and_json() -> None:
    """Its secrets are decoded in between."""
    client = NatsClient()
    client.options = dict.fromkeys(
        ("verbose", "pedantic", "user", "password", "token", "name", "no_echo")
    )
    command = Client._connect_command(client)
    assert command.startswith(b"CONNECT {"), "nats-py composes CONNECT otherwise"
    assert command.endswith(b"}\r\n"), "nats-py ends CONNECT otherwise"


def test_a_server_of_the_pool_has_its_url() -> None:
    """Scheme and user are read from it."""
    from_url = Client._parse_server_uri("tls://u:p@host")
    assert Srv(from_url).uri.scheme == "tls", "nats-py's Srv has no uri any more"


def test_micro_counts_in_fields_that_can_be_corrected() -> None:
    """``ops.inquiries.micro`` writes what is true over what was counted."""
    names = {"num_requests", "num_errors", "last_error", "processing_time"}
    names.add("average_processing_time")
    theirs = set(EndpointStats.__dataclass_fields__)
    assert names <= theirs, f"nats.micro's EndpointStats lacks {names - theirs}"


@pytest.mark.parametrize("package", ["bus", "ops"])
def test_nobody_else_reaches_into_the_client(package: str) -> None:
    """What is private of others is named in one package: ruff demands a reason for each."""
    reaching = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / package).rglob("*.py")
        if "SLF001" in path.read_text()
    }
    allowed = "bus/connection/client/", "ops/process/logs/handler.py"
    others = {path for path in reaching if not path.startswith(allowed)}
    assert not others, f"{others}: what is private of nats-py belongs in bus/connection/client"


@pytest.mark.parametrize("make_loop", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_a_transport_may_be_aborted_again_and_ends_a_polite_close(
    make_loop: Callable[[], asyncio.AbstractEventLoop],
) -> None:
    """With megabytes unsent to somebody who reads nothing, on both loops."""

    async def ends() -> None:
        async def silent(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
            del reader
            await asyncio.sleep(60)

        server = await asyncio.start_server(silent, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        client = NatsClient()
        transport = TcpTransport()
        uri = Client._parse_server_uri(f"nats://127.0.0.1:{port}")
        await transport.connect(uri, 1024, 5)
        client._transport = transport
        for writer in ("_io_writer", "_bare_io_writer"):
            assert hasattr(transport, writer), f"nats-py's TcpTransport has no {writer} any more"
        transport.write(b"x" * 64 * 1024 * 1024)
        drain = asyncio.create_task(transport.drain())
        transport.close()
        await asyncio.sleep(0)
        client.abort()
        client.abort()
        await asyncio.wait_for(transport.wait_closed(), 5)
        await asyncio.wait([drain], timeout=5)
        assert drain.done(), "who waits for the transport to drain is woken by its end"
        drain.exception()
        client.abort()
        server.close()

    with asyncio.Runner(loop_factory=make_loop) as runner:
        runner.run(ends())


async def test_a_websocket_may_be_aborted() -> None:
    """Through aiohttp, which nats-py has in ``_ws``."""

    async def serve(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        async for _ in socket:
            pass
        return socket

    app = web.Application()
    app.router.add_get("/", serve)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    client = NatsClient()
    transport = WebSocketTransport()
    await transport.connect(Client._parse_server_uri(f"ws://127.0.0.1:{port}/"), 1024, 5)
    client._transport = transport
    client.abort()
    client.abort()
    assert transport._ws is not None, "nats-py keeps its websocket elsewhere"
    message = await asyncio.wait_for(transport._ws.receive(), 5)
    ended = (aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.ERROR)
    assert message.type in ended, "aiohttp's connection of a websocket is not reached any more"
    transport.close()
    await asyncio.wait_for(transport.wait_closed(), 5)
    client.abort()
    await runner.cleanup()
