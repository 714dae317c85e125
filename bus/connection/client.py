"""Our client, and all that is reached of nats-py's insides: nothing else touches them.

Each member says what it relies on. ``tests/unit/bus/connection/test_seams.py`` holds nats-py to it,
and CONTRIBUTING says how to move to its next minor release.
"""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from nats.aio import client as nats_client
from nats.aio.client import Client
from nats.aio.transport import TcpTransport, WebSocketTransport
from nats.errors import ConnectionClosedError, OutboundBufferLimitError
from nats.errors import Error as NatsError
from nats.protocol.parser import AWAITING_CONTROL_LINE, Parser

from bus.connection.access import (
    TooManySubscriptionsError,
    UnencryptedError,
    is_late,
    is_too_many,
    refusal,
)
from bus.connection.lanes import hand_over, take_frames, take_large

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from nats.aio.client import Srv
    from nats.aio.subscription import Subscription

    from bus.connection.identity import Identity
    from bus.connection.lanes import Frame

BUFFER_BYTES = 8 * 1024 * 1024
"""What the client keeps while it is disconnected."""

# What nats-py reads of a socket at a time; there is no option. With its 32 KiB, a hundred and fifty
# messages, the rounds of loop and parser for each piece are a twentieth of what a message costs.
# With 128 KiB, which malloc gives back each time, 30 MB of a body take thrice as much as they grow.
nats_client.DEFAULT_BUFFER_SIZE = 64 * 1024

_TOO_LARGE = "maximum payload violation"
_TRIED_AGAIN_S = 0.5
_OWN_TASKS = ("_reading_task", "_flusher_task", "_ping_interval_task")
_SECRETS = ("user", "pass", "auth_token")


class NatsClient(Client):
    """A client that opens lanes, knows its account's limit, and waits for no frozen server.

    It never says who we are over a connection less secure than asked for: nats-py encrypts only
    where the server insists on it, and whoever sits between could tell it that the server does
    not, and be told the password. Runs on the event loop.
    """

    def __init__(self) -> None:
        """Create it, not connected, without lanes."""
        self._server_max_payload = 0
        self._account_max_payload: int | None = None
        self._told_max_payload: int | None = None
        super().__init__()
        self._tls_demanded = False
        self.last_tried = ""
        """The server of the latest attempt to connect, as ``host:port``."""
        self.refused_subscriptions = 0
        """How many the server did not take; it does not say which."""
        self._lanes: dict[bytes, Callable[[list[Frame]], None]] = {}
        # The read loop gives what it reads to ``_ps.parse``.
        self._ps = self._lane_parser = LaneParser(self, self._lanes)

    # What we ask of it.

    @property
    def greeting(self) -> Mapping[str, Any]:
        """What the server said of itself when we came; empty before. It is in ``_server_info``."""
        return self._server_info

    def demand_tls(self) -> None:
        """Have every connection encrypted, not only those of tls:// URLs."""
        self._tls_demanded = True

    def show(self, identity: Identity) -> None:
        """Prove to be ``identity`` by its NKey, which CONNECT takes from ``_public_nkey``."""
        self._public_nkey = identity.public

    def pause_before_reconnect(self, wait_s: float) -> None:
        """Wait so long before the next attempt: the option is read at each of them."""
        self.options["reconnect_time_wait"] = wait_s

    async def write_commands(self, commands: bytes) -> None:
        """Hand ready-made commands over, past ``publish``, which costs more than all the rest.

        Its guards are repeated here. What waits is in ``_pending`` and counted in
        ``_pending_data_size``; the flusher, which writes it, gets its turn a round of the loop
        later, so that is done here. Raises what client, transport and loop raise.
        """
        if self.is_closed:
            raise ConnectionClosedError
        if not self.is_connected and self._pending_data_size > BUFFER_BYTES:
            raise OutboundBufferLimitError
        await self._send_command(commands)
        if self._write_pending() and self._transport is not None:
            await self._transport.drain()

    async def leave_if_deaf(self) -> str | None:
        """Have a connection given up one of whose own tasks has ended; return which, if one has.

        nats-py's read loop, flusher and pinger each end for good at an error that it does not
        expect, and it goes on being "connected".
        """
        if not self.is_connected:
            return None
        for name in _OWN_TASKS:
            task: asyncio.Task[None] | None = getattr(self, name)
            if task is not None and task.done():
                await self.leave(f"{name} has ended")
                return name
        return None

    def try_others_first(self) -> None:
        """Go back to a server that was left only after all others: nats-py shuffles them."""
        self.options["dont_randomize"] = True

    async def ask_for_life(self) -> None:
        """Have the server say something: a PONG, which nobody waits for."""
        if self.is_connected:
            await self._send_ping()

    async def leave(self, why: str) -> None:
        """Give the connection up and go to another server, where there is one."""
        await self._process_op_err(NatsError(f"nats: {why}"))

    def abort(self) -> None:
        """Drop the connection and what is unsent, waiting for nobody.

        A polite close flushes first, for ever where the server stands still. uvloop's and asyncio's
        transports may be aborted more than once, and after they were closed.
        """
        transport = self._transport
        if isinstance(transport, TcpTransport):
            for writer in (transport._io_writer, transport._bare_io_writer):  # noqa: SLF001
                if writer is not None:
                    writer.transport.abort()
        elif isinstance(transport, WebSocketTransport) and transport._ws is not None:  # noqa: SLF001
            connection = transport._ws._response.connection  # noqa: SLF001  # aiohttp's
            if connection is not None and connection.transport is not None:
                connection.transport.abort()

    def forget_former_limit(self) -> None:
        """Take what this connection said for the account's limit; call it after a flush.

        Until then the former connection's stands: a server says it behind its first PONG only.
        """
        self._account_max_payload = self._told_max_payload

    def _write_pending(self) -> bool:
        """Have the transport take what waits; False where it stays for the next connection."""
        transport = self._transport
        if not self.is_connected or transport is None:
            return False
        pending, self._pending = self._pending, []
        self._pending_data_size = 0
        transport.writelines(pending)
        return True

    # Lanes.

    @property
    def arrived_bytes(self) -> int:
        """Bytes read from the server so far."""
        return self._lane_parser.arrived_bytes

    @property
    def is_within_frame(self) -> bool:
        """Whether a message has begun to arrive, and is not all there: it is in ``buf``."""
        return bool(self._lane_parser.buf)

    async def open_lane(self, subject: str, take: Callable[[list[Frame]], None]) -> Subscription:
        """Subscribe; ``take`` gets the messages of each chunk that was read, in order.

        It must not block, nor raise. Raises ``TooManySubscriptionsError`` when the server refuses.
        """
        refused = self.refused_subscriptions
        subscription = await self.subscribe(subject)
        await self.flush()
        if self.refused_subscriptions != refused:
            raise TooManySubscriptionsError
        self._lanes[_sid(subscription)] = take
        return subscription

    async def close_lane(self, subscription: Subscription) -> None:
        """Unsubscribe; nothing is handed over any more."""
        self._lanes.pop(_sid(subscription), None)
        await subscription.unsubscribe()

    # What it does otherwise than nats-py, which calls all of these.

    @property
    def _max_payload(self) -> int:
        """What may be published; nats-py's ``publish`` and ``max_payload`` read it, too."""
        account = self._account_max_payload
        server = self._server_max_payload
        return server if account is None else min(server, account)

    @_max_payload.setter
    def _max_payload(self, server: int) -> None:
        # Set from the server's first greeting, which comes before it knows our account.
        self._server_max_payload = server

    async def _process_info(
        self,
        info: dict[str, Any],
        initial_connection: bool = False,  # noqa: FBT002  # as nats-py has it
    ) -> None:
        """Look at a greeting: the first, before anything is encrypted or said, and later ones."""
        if not initial_connection:
            if "max_payload" in info:
                self._told_max_payload = self._account_max_payload = info["max_payload"]
            await super()._process_info(info, initial_connection)
            return
        self._told_max_payload = None
        server = self._current_server
        assert server is not None
        scheme = server.uri.scheme
        demanded = self._tls_demanded or scheme == "tls"
        if demanded and scheme != "wss":
            if not info.get("tls_required") and not info.get("tls_available"):
                raise UnencryptedError("nats: the server offers no TLS")
            info["tls_required"] = True
        await super()._process_info(info, initial_connection)

    def _connect_command(self) -> bytes:
        """Say who we are; user, password and token of a URL are percent-encoded there."""
        command = super()._connect_command()
        if self.options["user"] is not None or self.options["token"] is not None:
            return command
        verb, _, said = command.partition(b" ")
        options = json.loads(said)
        for name in _SECRETS:
            if name in options:
                options[name] = unquote(options[name])
        return b"%s %s\r\n" % (verb, json.dumps(options, sort_keys=True).encode())

    async def _process_err(self, err_msg: str) -> None:
        """Handle what a server says before it hangs up, after which nats-py closes for good.

        But what has expired or was revoked may be renewed in its file, and one message too large,
        by a limit that was lowered a moment ago, is no reason to end. A subscription too many costs
        that subscription only: the server does not hang up.
        """
        error = NatsError(f"nats: {err_msg}")
        if is_too_many(error):
            self.refused_subscriptions += 1
            await self._error_cb(error)
            return
        passes = is_late(error) or refusal(error) is not None or _TOO_LARGE in err_msg
        if self.is_connected and passes:
            await self._error_cb(error)
            await self._process_op_err(error)
        else:
            await super()._process_err(err_msg)

    async def _send_ping(self, future: asyncio.Future[bool] | None = None) -> None:
        """Ask behind all that waits: nats-py writes PING past it.

        The PONG would come before what a flush is for: a subscription refused, or what the server
        had sent until it read UNSUB. So one flush is enough to know what became of both.
        """
        self._write_pending()
        await super()._send_ping(future)

    async def _process_pong(self) -> None:
        """Pass over a flush that has given up: its future is cancelled, setting it would raise.

        That would end the read loop, and leave us deaf until pings are missed.
        """
        if self._pongs and self._pongs[0].done():
            self._pongs.pop(0)
            self._pongs_received += 1
            self._pings_outstanding = 0
        else:
            await super()._process_pong()

    async def _attempt_reconnect(self) -> None:
        """Find another server; nats-py closes the old transport first, and waits for that.

        It stops trying at an error that it does not expect, as the RuntimeError of a transport of
        uvloop's that is closed: then nobody would ever try again.
        """
        while True:
            self.abort()
            try:
                await super()._attempt_reconnect()
            except Exception as error:
                self._status = Client.RECONNECTING
                await self._error_cb(NatsError(f"nats: {error!r}"))
                await asyncio.sleep(_TRIED_AGAIN_S)
            else:
                return

    async def _connect_to_server(self, s: Srv) -> None:
        """Connect; what an attempt before left open, after a greeting that never came, goes."""
        self.last_tried = f"{s.uri.hostname}:{s.uri.port}"
        self.abort()
        await super()._connect_to_server(s)

    async def _process_msg(
        self, sid: int, subject: bytes, reply: bytes, data: bytes, headers: bytes | None
    ) -> None:
        """Hand a message over that nats-py's own parser has read."""
        take = self._lanes.get(b"%d" % sid)
        if take is None:
            await super()._process_msg(sid, subject, reply, data, headers)  # type: ignore[arg-type]
        else:
            hand_over(take, [(subject, reply, data, headers or b"")])


class LaneParser(Parser):
    """Reads the lanes' frames itself, leaves all else to the class it is derived from.

    That keeps in ``state`` whether it is within a message, in ``buf`` what is not complete.
    """

    def __init__(
        self, client: NatsClient, lanes: Mapping[bytes, Callable[[list[Frame]], None]]
    ) -> None:
        """Parse for ``client``."""
        self._lanes = lanes
        self.arrived_bytes = 0
        """Read so far."""
        self._needed = 0
        """Bytes of the lane's frame in ``buf`` once it is all there; 0 without one."""
        super().__init__(client)

    def reset(self) -> None:
        """Begin with another connection; nats-py calls it, also when it makes the parser."""
        super().reset()
        self._needed = 0

    async def parse(self, data: bytes = b"") -> None:
        """Read a chunk; raises ``ProtocolError``."""
        self.arrived_bytes += len(data)
        if self._needed:
            # Put together when it is all there, and not anew for each chunk.
            self.buf += data
            if len(self.buf) < self._needed:
                return
            needed, self._needed, data = self._needed, 0, b""
            take_large(self.buf, needed, self._lanes)
        if self.state == AWAITING_CONTROL_LINE and self._lanes:
            if self.buf:
                data = bytes(self.buf) + data
                self.buf.clear()
            data, self._needed = take_frames(data, self._lanes)
            if self._needed:
                self.buf += data
                return
        if data or self.buf:
            await super().parse(data)


def _sid(subscription: Subscription) -> bytes:
    return b"%d" % subscription._id  # noqa: SLF001  # what the server calls the subscription
