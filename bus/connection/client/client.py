"""Our client: what is written past nats-py's queues, and what is read past them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nats.aio import client as nats_client
from nats.errors import ConnectionClosedError, OutboundBufferLimitError

from bus.connection.access import TooManySubscriptionsError
from bus.connection.client.lanes import hand_over
from bus.connection.client.parser import LaneParser
from bus.connection.client.reconnecting import ReconnectingClient

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Iterable

    from nats.aio.subscription import Subscription
    from nats.aio.transport import Transport

    from bus.connection.client.lanes import Frame

BUFFER_BYTES = 8 * 1024 * 1024
"""What the client keeps while it is disconnected."""

# What nats-py reads of a socket at a time; there is no option. With its 32 KiB, a hundred and fifty
# messages, the rounds of loop and parser for each piece are a twentieth of what a message costs.
# With 128 KiB, which malloc gives back each time, 30 MB of a body take thrice as much as they grow.
nats_client.DEFAULT_BUFFER_SIZE = 64 * 1024


class NatsClient(ReconnectingClient):
    """A client that opens lanes, and writes ready-made commands. Runs on the event loop."""

    def __init__(self) -> None:
        """Create it, not connected, without lanes."""
        super().__init__()
        self._lanes: dict[bytes, Callable[[list[Frame]], None]] = {}
        # The read loop gives what it reads to ``_ps.parse``.
        self._ps = self._lane_parser = LaneParser(self, self._lanes)

    # Writing.

    async def write_commands(self, commands: Iterable[bytes]) -> None:
        """Hand ready-made commands over, past ``publish``, which costs more than all the rest.

        Its guards are repeated here. What waits is in ``_pending`` and counted in
        ``_pending_data_size``; the flusher, which writes it, gets its turn a round of the loop
        later, so that is done here. Raises what client, transport and loop raise.
        """
        if self.is_closed:
            raise ConnectionClosedError
        if not self.is_connected and self._pending_data_size > BUFFER_BYTES:
            raise OutboundBufferLimitError
        for command in commands:
            await self._send_command(command)
        transport = self._write_pending()
        if transport is not None:
            await transport.drain()

    def _write_pending(self) -> Transport | None:
        """Have the transport take what waits; None where it stays for the next connection."""
        transport = self._transport
        if not self.is_connected or transport is None:
            return None
        pending, self._pending = self._pending, []
        self._pending_data_size = 0
        transport.writelines(pending)
        return transport

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

    async def _send_ping(self, future: asyncio.Future[bool] | None = None) -> None:
        """Ask behind all that waits: nats-py writes PING past it.

        The PONG would come before what a flush is for: a subscription refused, or what the server
        had sent until it read UNSUB. So one flush is enough to know what became of both.
        """
        self._write_pending()
        await super()._send_ping(future)

    async def _process_msg(
        self, sid: int, subject: bytes, reply: bytes, data: bytes, headers: bytes | None
    ) -> None:
        """Hand a message over that nats-py's own parser has read."""
        take = self._lanes.get(b"%d" % sid)
        if take is None:
            await super()._process_msg(sid, subject, reply, data, headers)  # type: ignore[arg-type]
        else:
            hand_over(take, [(subject, reply, data, headers or b"")])


def _sid(subscription: Subscription) -> bytes:
    return b"%d" % subscription._id  # noqa: SLF001  # what the server calls the subscription
