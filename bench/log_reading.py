"""How the baselines read the log: as barely as the service does it, by nats-py's own means."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import orjson
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

if TYPE_CHECKING:
    from nats.aio.msg import Msg

    from tests.broker import Broker

GROUP = 4000
"""Messages asked for at a time, of which two requests are under way, and handled at a time."""
_INACTIVE_THRESHOLD_S = 60.0
_EXPIRES_NS = 30_000_000_000


class LogReading:
    """An ephemeral pull consumer without acknowledgements, over the next ``count`` messages."""

    def __init__(self, broker: Broker, count: int) -> None:
        """Prepare."""
        self._broker = broker
        self._left = self._unasked = count
        self._arrived: list[Msg] = []
        self._more = asyncio.Event()
        self._inbox = broker.client.new_inbox()
        self._consumer = ""

    async def open(self, after: int) -> None:
        """Begin behind the message at ``after``."""
        client, stream = self._broker.client, self._broker.names.input_stream
        config = ConsumerConfig(
            ack_policy=AckPolicy.NONE,
            opt_start_seq=after + 1,
            deliver_policy=DeliverPolicy.BY_START_SEQUENCE,
            mem_storage=True,
            num_replicas=1,
            inactive_threshold=_INACTIVE_THRESHOLD_S,
        )
        self._consumer = (await self._broker.js.add_consumer(stream, config)).name
        await client.subscribe(
            self._inbox, cb=self._take, pending_msgs_limit=0, pending_bytes_limit=0
        )
        await self._ask()
        await self._ask()

    async def next_group(self) -> list[Msg]:
        """Return the next messages, in order; none at the end."""
        size = min(GROUP, self._left)
        while len(self._arrived) < size:
            self._more.clear()
            await self._more.wait()
        group, self._arrived[:] = self._arrived[:size], self._arrived[size:]
        self._left -= size
        if self._unasked:
            await self._ask()
        return group

    async def _take(self, msg: Msg) -> None:
        if msg.reply:
            self._arrived.append(msg)
            self._more.set()

    async def _ask(self) -> None:
        batch = min(GROUP, self._unasked)
        if batch:
            self._unasked -= batch
            body = orjson.dumps({"batch": batch, "expires": _EXPIRES_NS})
            stream = self._broker.names.input_stream
            api = f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{self._consumer}"
            await self._broker.client.publish(api, body, self._inbox)
