"""What events are compared with: the floor of this stack, and the usual design."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

import orjson
from pymongo import UpdateOne

from bench.log_reading import LogReading

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nats.aio.msg import Msg
    from pymongo.collection import Collection

    from bench.stage import Stage
    from bench.usage import Usage
    from tests.broker import Broker

_SAVE_POSITION_S = 1.0


async def raw(
    stage: Stage, broker: Broker, users: Collection[dict[str, Any]], count: int, after: int = 0
) -> Usage:
    """Read the log, decode, upsert each changed user in groups; no rules, no actors.

    Nothing is acknowledged; the position is saved once a second and at the end. Returns what the
    ``count`` events behind the message at ``after`` took.
    """
    reading = LogReading(broker, count)
    watch = stage.watch()
    await reading.open(after)
    positions = users.database["raw_positions"].with_options(write_concern=users.write_concern)
    saved_at_s = time.monotonic()
    done = after
    while group := await reading.next_group():
        await asyncio.to_thread(users.bulk_write, _upserts(group), ordered=False)
        done += len(group)
        if time.monotonic() - saved_at_s >= _SAVE_POSITION_S:
            await asyncio.to_thread(_save_position, positions, done)
            saved_at_s = time.monotonic()
    await asyncio.to_thread(_save_position, positions, done)
    return watch.read(count)


def _save_position(positions: Collection[dict[str, Any]], sequence: int) -> None:
    positions.update_one({"_id": 0}, {"$set": {"sequence": sequence}}, upsert=True)


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
    stage: Stage, broker: Broker, users: Collection[dict[str, Any]], bodies: Sequence[bytes]
) -> Usage:
    """Subscribe on core NATS and replace the user's document, journaled, for each event."""
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
    watch = stage.watch()
    for body in bodies:
        await broker.client.publish(subject, body)
    await finished.wait()
    return watch.read(len(bodies))
