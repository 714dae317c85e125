"""The layout of the earlier version on a server, made by hand: work queue, durable consumer.

``python -m tests.earlier URL SUFFIX`` moves it over, for a test that wants to kill that.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import sys
from typing import TYPE_CHECKING, Any

import nats
from nats.js.api import AckPolicy, ConsumerConfig, DiscardPolicy, RetentionPolicy

from bus.migration.migration import Migrated, Migration
from bus.migration.moving import Stored, stored
from bus.settings import BusSettings, StreamSettings
from bus.streams.api import JetStreamAPI
from bus.subjects import Subjects
from store.homes.memory import InMemoryHomeStore
from tests.broker import Names

if TYPE_CHECKING:
    from collections.abc import Iterable

    from nats.aio.client import Client


class Earlier:
    """A deployment as the earlier version left it."""

    def __init__(self, client: Client, names: Names | None = None) -> None:
        """Begin; nothing is created yet."""
        self.client = client
        self.js = client.jetstream()
        self.api = JetStreamAPI(client)
        self.names = names = names or Names()
        self.store = InMemoryHomeStore()
        self.settings = BusSettings(
            queue_group=names.consumer,
            subjects=Subjects(names.events, names.requests, names.digests, names.dead_letters),
            streams=StreamSettings(names.input_stream, names.digest_stream, names.suffix),
        )
        self._numbers = itertools.count(1)

    async def create(self, **differs: Any) -> None:
        """Create stream and durable consumer, as that version did."""
        wanted: dict[str, Any] = {
            "name": self.names.input_stream,
            "subjects": [self.names.events, self.names.requests],
            "retention": RetentionPolicy.WORK_QUEUE,
            "discard": DiscardPolicy.NEW,
        }
        await self.js.add_stream(**{**wanted, **differs})
        await self.add_durable()

    async def add_durable(self) -> None:
        """Create the durable consumer."""
        config = ConsumerConfig(
            durable_name=self.names.consumer,
            ack_policy=AckPolicy.EXPLICIT,
            ack_wait=60,
            max_deliver=-1,
            max_ack_pending=-1,
        )
        await self.js.add_consumer(self.names.input_stream, config)

    async def put(self, count: int, headers: dict[str, str] | None = None) -> list[bytes]:
        """Publish numbered messages, events and requests mixed; return their bodies."""
        bodies = [str(next(self._numbers)).encode() for _ in range(count)]
        inputs = self.settings.subjects.inputs
        for begin in range(0, count, 500):
            some = bodies[begin : begin + 500]
            answers = await asyncio.gather(
                *(
                    self.client.request(inputs[int(body) % 3 == 0], body, 10, headers=headers)
                    for body in some
                )
            )
            assert all("seq" in json.loads(answer.data) for answer in answers)
        return bodies

    async def take(self, count: int, acknowledged: Iterable[int]) -> None:
        """Take messages as an instance does that is killed when it has acknowledged these."""
        pull = await self.js.pull_subscribe_bind(
            consumer=self.names.consumer, stream=self.names.input_stream
        )
        messages = await pull.fetch(count, timeout=10)
        for which in acknowledged:
            await messages[which].ack_sync()
        await pull.unsubscribe()

    async def held(self, stream: str) -> list[Stored]:
        """Return what a stream holds, in order."""
        found, sequence = [], 0
        while (message := await self.api.message_from(stream, sequence + 1)) is not None:
            sequence = message["seq"]
            found.append(stored(message))
        return found

    async def migrate(self, into: str | None = None) -> Migrated:
        """Move it over; on a server before 2.10 with producers stopped."""
        migration = Migration(self.client, self.settings, self.store, quiet_for_s=0.05)
        return await migration.run(into, producers_stopped=True)


async def _migrate(url: str, suffix: str) -> None:
    client = await nats.connect(url)
    print("begins", flush=True)  # noqa: T201
    await Earlier(client, Names(suffix)).migrate()
    print("done", flush=True)  # noqa: T201
    await client.close()


if __name__ == "__main__":
    asyncio.run(_migrate(*sys.argv[1:]))
