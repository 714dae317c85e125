"""What the service is compared with: the floor of this stack, and the usual design."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Any

import orjson
from nats.js.api import AckPolicy, ConsumerConfig
from pymongo import UpdateOne

from bench.stage import Stopwatch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nats.aio.msg import Msg
    from pymongo.collection import Collection

    from tests.broker import Broker

RAW_GROUP = 4000


async def raw(broker: Broker, users: Collection[dict[str, Any]], count: int) -> tuple[float, float]:
    """Pull, decode, upsert each changed user in groups, acknowledge; no rules, no actors.

    Returns events/s for the ``count`` events that wait in the stream, and CPU microseconds of this
    process for each.
    """
    names, client = broker.names, broker.client
    config = ConsumerConfig(
        durable_name=names.consumer, ack_policy=AckPolicy.EXPLICIT, max_ack_pending=-1
    )
    await broker.js.add_consumer(names.input_stream, config)
    arrived: list[Msg] = []
    more = asyncio.Event()

    async def take(msg: Msg) -> None:
        if msg.reply:
            arrived.append(msg)
            more.set()

    asked = 0

    async def ask() -> None:
        nonlocal asked
        batch = min(RAW_GROUP, count - asked)
        if batch:
            asked += batch
            body = orjson.dumps({"batch": batch, "expires": 30_000_000_000})
            api = f"$JS.API.CONSUMER.MSG.NEXT.{names.input_stream}.{names.consumer}"
            await client.publish(api, body, inbox)

    inbox = client.new_inbox()
    await client.subscribe(inbox, cb=take, pending_msgs_limit=0, pending_bytes_limit=0)
    watch = Stopwatch(os.getpid())
    await ask()
    await ask()
    done = 0
    while done < count:
        while len(arrived) < min(RAW_GROUP, count - done):
            more.clear()
            await more.wait()
        group, arrived[:] = arrived[:RAW_GROUP], arrived[RAW_GROUP:]
        await ask()
        operations = _upserts(group)
        await asyncio.to_thread(users.bulk_write, operations, ordered=False)
        for msg in group:
            await client.publish(msg.reply, b"+ACK")
        done += len(group)
    await client.flush()
    return count / watch.wall_s(), watch.cpu_us_per(count)


def _upserts(group: Sequence[Msg]) -> list[UpdateOne]:
    changes: dict[str, dict[str, Any]] = {}
    for msg in group:
        fields = orjson.loads(msg.data)
        alarms = changes.setdefault(fields["UserID"], {})
        alarms[f"alarms.{fields['AlarmID']}"] = [fields["Status"], fields["ChangedAt"]]
    return [
        UpdateOne({"_id": user_id}, {"$set": alarms}, upsert=True)
        for user_id, alarms in changes.items()
    ]


async def usual(
    broker: Broker, users: Collection[dict[str, Any]], bodies: Sequence[bytes]
) -> float:
    """Subscribe on core NATS and replace the user's document, journaled, for each event.

    Returns events/s.
    """
    known: dict[str, dict[str, Any]] = {}
    left = len(bodies)
    finished = asyncio.Event()

    async def handle(msg: Msg) -> None:
        nonlocal left
        fields = orjson.loads(msg.data)
        document = known.setdefault(fields["UserID"], {"_id": fields["UserID"], "alarms": {}})
        document["alarms"][fields["AlarmID"]] = [fields["Status"], fields["ChangedAt"]]
        users.replace_one({"_id": document["_id"]}, document, upsert=True)
        left -= 1
        if not left:
            finished.set()

    subject = f"usual-{broker.names.suffix}"
    await broker.client.subscribe(subject, cb=handle, pending_msgs_limit=0)
    watch = Stopwatch(os.getpid())
    for body in bodies:
        await broker.client.publish(subject, body)
    await finished.wait()
    return len(bodies) / watch.wall_s()
