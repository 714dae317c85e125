"""A steady load of events and requests, and how long each request waits for its digest."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from random import Random
from statistics import quantiles
from typing import TYPE_CHECKING, Any

import orjson

from actors.rules.alarms import AlarmID, Severity, UserID
from bench.loads import ALARMS, EVENTS_PER_REQUEST, request
from tests.load import Event

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from nats.aio.msg import Msg

    from tests.broker import Broker

_WARM_UP_S = 3.0
"""Longer than users wait for their saves: from then on as many are saved as change."""
_LAST_ANSWERS_S = 10.0
_IN_A_ROW = 100
"""Of the burst, in one step: the load's own pace must go on."""


@dataclass(frozen=True, slots=True)
class Paced:
    """What is sent."""

    per_s: float
    """Messages a second, twenty events to a request, evenly spread."""
    burst: Sequence[bytes] = ()
    """Requests besides, as fast as they can be sent, once the warm-up is over."""
    hot: str = ""
    """Who has half of all events."""


async def paced(
    broker: Broker, listener: Broker, load: Paced, users: int, duration_s: float
) -> tuple[int, dict[str, Any]]:
    """Send the load; return how many messages, and how long requests waited.

    From the publishing of a request until its digest is there, both in this process; what is asked
    in the first seconds is not counted, nor who keeps all busy. Of a user one request at a time.
    """
    waited_s: list[float] = []
    asked_at_s: dict[str, float] = {}

    async def hear(msg: Msg) -> None:
        asked_s = asked_at_s.pop(orjson.loads(msg.data)["UserID"], None)
        if asked_s is not None and asked_s >= counted_from_s:
            waited_s.append(time.perf_counter() - asked_s)

    heard = await listener.client.subscribe(broker.names.digests, cb=hear)
    await listener.client.flush()
    random = Random(4)
    events = _events(random, users, load.hot)
    turn_s = (EVENTS_PER_REQUEST + 1) / load.per_s
    turns = int((_WARM_UP_S + duration_s) / turn_s)
    sent = turns * EVENTS_PER_REQUEST
    left = list(load.burst)
    began_s = time.perf_counter()
    counted_from_s = began_s + _WARM_UP_S
    names, client = broker.names, broker.client
    for turn in range(turns):
        for _ in range(EVENTS_PER_REQUEST):
            await client.publish(names.events, next(events))
        user = f"user-{random.randrange(1, users)}"
        if user not in asked_at_s:
            asked_at_s[user] = time.perf_counter()
            await client.publish(names.requests, request(user))
            sent += 1
        if left and time.perf_counter() >= counted_from_s:
            for body in left[:_IN_A_ROW]:
                await client.publish(names.requests, body)
            del left[:_IN_A_ROW]
        await asyncio.sleep(max(0.0, began_s + (turn + 1) * turn_s - time.perf_counter()))
    achieved = (turns * (EVENTS_PER_REQUEST + 1)) / (time.perf_counter() - began_s)
    await client.flush()
    async with asyncio.timeout(_LAST_ANSWERS_S):
        while asked_at_s:  # noqa: ASYNC110  # emptied by what is heard
            await asyncio.sleep(turn_s)
    await heard.unsubscribe()
    cuts = quantiles(waited_s, n=100)
    return sent + len(load.burst) - len(left), {
        "wanted_per_s": load.per_s,
        "achieved_per_s": achieved,
        "digests": len(waited_s),
        "p50_ms": cuts[49] * 1e3,
        "p99_ms": cuts[98] * 1e3,
        "latencies_ms": [round(one * 1e3, 3) for one in sorted(waited_s)[::10]],
    }


def _events(random: Random, users: int, hot: str) -> Iterator[bytes]:
    at_ns = time.time_ns()
    severities = list(Severity)
    while True:
        user = hot if hot and random.random() < 0.5 else f"user-{random.randrange(users)}"
        at_ns += 1
        alarm = AlarmID(f"alarm-{random.randrange(ALARMS)}")
        yield Event(UserID(user), alarm, random.choice(severities), at_ns).body()
