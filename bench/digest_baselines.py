"""What digests are compared with: a bare loop, and what the servers answer when idle."""

from __future__ import annotations

import asyncio
import time
from statistics import median
from typing import TYPE_CHECKING, Any

import orjson
from pymongo import UpdateOne

from bench.log_reading import LogReading

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from nats.aio.msg import Msg
    from pymongo.collection import Collection

    from bench.stage import Stage
    from bench.usage import Usage
    from tests.broker import Broker

WINDOW = 4000
"""Publications under way at a time at the most."""
GROUP = 1000
"""Requests of one compare-and-set: the service's own."""
_IDLE_TRIPS = 200


async def raw_digests(
    stage: Stage, broker: Broker, users: Collection[dict[str, Any]], count: int
) -> Usage:
    """Answer the ``count`` requests that wait: read the users, mark them told, publish.

    Of each user one compare-and-set, in groups; each digest is published with an acknowledgement,
    in a window; no rules, no actors, and a crash would lose digests.
    """
    reading = LogReading(broker, count)
    window = _Window(broker)
    await window.open()
    watch = stage.watch()
    await reading.open(0)
    while requests := await reading.next_group():
        for first in range(0, len(requests), GROUP):
            group = requests[first : first + GROUP]
            digests = await asyncio.to_thread(_mark_told, users, group)
            for digest in digests:
                await window.publish(digest)
    await window.emptied(0)
    return watch.read(count)


def _mark_told(users: Collection[dict[str, Any]], group: Sequence[Msg]) -> list[bytes]:
    """Return the digests of those who ask; who saves in between is left out."""
    asking = [orjson.loads(msg.data)["UserID"] for msg in group]
    found = list(users.find({"_id": {"$in": asking}}))
    users.bulk_write(
        [
            UpdateOne(
                {"_id": user["_id"], "version": user["version"]},
                {"$set": {"told": user["alarms"]}, "$inc": {"version": 1}},
            )
            for user in found
        ],
        ordered=False,
    )
    return [
        orjson.dumps({"UserID": user["_id"], "ActiveAlarms": list(user["alarms"].items())})
        for user in found
    ]


class _Window:
    """Publications that are not acknowledged yet."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._inbox = broker.client.new_inbox()
        self._under_way = 0
        self._fewer = asyncio.Event()

    async def open(self) -> None:
        await self._broker.client.subscribe(self._inbox, cb=self._acknowledged)

    async def publish(self, body: bytes) -> None:
        await self.emptied(WINDOW - 1)
        self._under_way += 1
        await self._broker.client.publish(self._broker.names.digests, body, self._inbox)

    async def emptied(self, most: int) -> None:
        while self._under_way > most:
            self._fewer.clear()
            await self._fewer.wait()

    async def _acknowledged(self, msg: Msg) -> None:
        assert b'"error"' not in msg.data, msg.data
        self._under_way -= 1
        self._fewer.set()


async def idle_trips(broker: Broker, users: Collection[dict[str, Any]]) -> dict[str, float]:
    """Return what a write with majority and journal takes, and a publication with its answer.

    At the median, in milliseconds, one at a time, when nothing else is done.
    """

    async def write() -> None:
        await asyncio.to_thread(
            users.update_one, {"_id": "idle"}, {"$inc": {"version": 1}}, upsert=True
        )

    async def publish() -> None:
        await broker.js.publish(broker.names.digests, b"{}")

    return {"write_ms": await _median_ms(write), "publish_ms": await _median_ms(publish)}


async def _median_ms(trip: Callable[[], Awaitable[None]]) -> float:
    took: list[float] = []
    for _ in range(_IDLE_TRIPS):
        began_s = time.perf_counter()
        await trip()
        took.append(time.perf_counter() - began_s)
    return median(took) * 1e3
