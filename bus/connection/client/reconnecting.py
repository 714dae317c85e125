"""Connections that are lost or given up, and found again, whatever became of the former one."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from nats.aio.client import Client
from nats.aio.transport import TcpTransport, WebSocketTransport
from nats.errors import Error as NatsError

from bus.connection.access import is_late, is_too_many, refusal
from bus.connection.client.greeting import GreetingClient

if TYPE_CHECKING:
    from nats.aio.client import Srv

_TOO_LARGE = "maximum payload violation"
_TRIED_AGAIN_S = 0.5
_OWN_TASKS = ("_reading_task", "_flusher_task", "_ping_interval_task")


class ReconnectingClient(GreetingClient):
    """A client that waits for no frozen server, and gives up for no error that may pass.

    Runs on the event loop.
    """

    def __init__(self) -> None:
        """Create it, not connected."""
        super().__init__()
        self.last_tried = ""
        """The server of the latest attempt to connect, as ``host:port``."""
        self.refused_subscriptions = 0
        """How many the server did not take; it does not say which."""

    def pause_before_reconnect(self, wait_s: float) -> None:
        """Wait so long before the next attempt: the option is read at each of them."""
        self.options["reconnect_time_wait"] = wait_s

    def try_others_first(self) -> None:
        """Go back to a server that was left only after all others: nats-py shuffles them."""
        self.options["dont_randomize"] = True

    async def ask_for_life(self) -> None:
        """Have the server say something: a PONG, which nobody waits for."""
        if self.is_connected:
            await self._send_ping()

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

    # What it does otherwise than nats-py, which calls all of these.

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
