"""Many users and large ones: memory, starting with a backlog, growth."""

from __future__ import annotations

import asyncio
import time
from contextlib import ExitStack
from random import Random
from typing import TYPE_CHECKING

import aiohttp
import orjson

from actors.rules.alarms import AlarmID, Severity, UserID
from bench.loads import bodies, named, request, store_many_quickly, store_users, touches
from bench.stage import settled
from bench.usage import rss_bytes
from tests.broker import Names
from tests.load import Event

if TYPE_CHECKING:
    from nats.aio.msg import Msg

    from bench.scenarios.scale import Figures, Scale
    from bench.stage import Stage

_FIRST, _LAST = "user-1", "user-2"
_DIGESTS_WITHIN_S = 120.0
_LOCAL_USERS = 1_000
_LARGE_USERS = 20


async def memory(stage: Stage, scale: Scale) -> Figures:
    """Goals 3 and 4: many users known, few live, uniform load over all; then a start."""
    names = Names()
    store_users(stage, names, named(range(scale.many_users)))
    resident: list[tuple[int, int]] = []
    async with stage.broker(names) as broker:
        with stage.service(names, MAX_LIVE_USERS=scale.live_users) as service:
            empty = rss_bytes(service.pid)
            # Ten alarms of each of as many users as may live, in memory now.
            await broker.put_all(bodies(touches(range(scale.live_users))))
            done = scale.live_users
            await settled([service], done)
            per_live = (rss_bytes(service.pid) - empty) / scale.live_users
            watch = stage.watch(service)
            random = Random(5)
            uniform = 0
            while uniform < scale.many_users:
                some = [random.randrange(scale.many_users) for _ in range(scale.many_users // 10)]
                await broker.put_all(bodies(touches(some, done)))
                done += len(some)
                await settled([service], done)
                uniform += len(some)
                resident.append((uniform, rss_bytes(service.pid)))
            usage = watch.read(uniform)
            service.process.terminate()
        start = await _start(stage, names, scale, done)
    stage.forget(names)
    start["of_uniform"] = start["per_s"] / usage.per_s
    return {
        "many_users": scale.many_users,
        "bytes_per_live_user": per_live,
        "peak_bytes": max(size for _, size in resident),
        "resident_bytes": resident,
        "uniform": usage.figures(),
        "start": start,
    }


async def _start(stage: Stage, names: Names, scale: Scale, first: int) -> Figures:
    """Goal 4: after an orderly stop, a backlog with a request at its beginning and at its end."""
    heard_at_s: dict[str, float] = {}
    both = asyncio.Event()

    async def hear(msg: Msg) -> None:
        heard_at_s[orjson.loads(msg.data)["UserID"]] = time.perf_counter()
        if len(heard_at_s) == 2:
            both.set()

    async with stage.broker(names) as broker:
        await broker.client.subscribe(names.digests, cb=hear)
        random = Random(8)
        some = [random.randrange(3, scale.many_users) for _ in range(scale.restart_backlog)]
        await broker.put_many([(names.requests, request(_FIRST))])
        await broker.put_all(bodies(touches(some, first)))
        await broker.put_many([(names.requests, request(_LAST))])
        began_s = time.perf_counter()
        with ExitStack() as stack:
            # Its first digest may be there before it says that it is ready.
            starting = stage.service(names, MAX_LIVE_USERS=scale.live_users)
            service = await asyncio.to_thread(stack.enter_context, starting)
            ready_s = time.perf_counter() - began_s
            watch = stage.watch(service)
            async with asyncio.timeout(_DIGESTS_WITHIN_S):
                await both.wait()
            await settled([service], scale.restart_backlog + 2)
            usage = watch.read(scale.restart_backlog + 2)
    return {
        "ready_s": ready_s,
        "first_digest_s": heard_at_s[_FIRST] - began_s,
        "last_digest_s": heard_at_s[_LAST] - began_s,
        **usage.figures(),
    }


async def growth(stage: Stage, scale: Scale) -> Figures:
    """Goal 5: events/s on a thousand users among few known ones, and among many."""
    figures: Figures = {}
    for what, known in zip(("few", "many"), scale.growth, strict=True):
        names = Names()
        async with stage.broker(names) as broker:
            with stage.service(names) as service:
                service.process.terminate()
            store_many_quickly(stage.collection(names, "users"), known)
            random = Random(7)
            some = random.sample(range(known), _LOCAL_USERS)
            load = [random.choice(some) for _ in range(scale.growth_backlog)]
            with stage.service(names) as service:
                await broker.put_all(bodies(touches(some)))
                await settled([service], len(some))
                watch = stage.watch(service)
                await broker.put_all(bodies(touches(load, len(some))))
                await settled([service], len(some) + len(load))
                figures[what] = {"known": known, **watch.read(len(load)).figures()}
        stage.forget(names)
    return {**figures, "of_few": figures["many"]["per_s"] / figures["few"]["per_s"]}


async def large_user(stage: Stage, scale: Scale) -> Figures:
    """Goal 5: the CPU of an event for a user with 10,000 alarms against one with 10.

    And the longest turn of the loop for a user with very many.
    """
    figures: Figures = {}
    for alarms in (10, 10_000):
        names = Names()
        count = scale.large_user_events
        users = [UserID(f"user-{number}") for number in range(_LARGE_USERS)]
        # One at a time: a group of them exceeds what a command may have.
        for user in users:
            store_users(stage, names, [user], alarms)
        random = Random(6)
        load = [
            Event(
                random.choice(users),
                AlarmID(f"alarm-{random.randrange(alarms)}"),
                random.choice(list(Severity)),
                2 * 10**18 + number,
            )
            for number in range(count)
        ]
        async with stage.broker(names) as broker:
            with stage.service(names) as service:
                await broker.put_all(bodies(load[:100]))
                await settled([service], 100)
                watch = stage.watch(service)
                await broker.put_all(bodies(load))
                await settled([service], 100 + count)
                figures[f"of_{alarms}_alarms"] = watch.read(count).figures()
        stage.forget(names)
    ratio = figures["of_10000_alarms"]["cpu_us"] / figures["of_10_alarms"]["cpu_us"]
    return {**figures, "ratio": ratio, **await _turns(stage, scale)}


async def _turns(stage: Stage, scale: Scale) -> Figures:
    """A user with very many alarms is loaded and told, all of them change, and it is told again."""
    names, longest_s = Names(), 0.0
    store_users(stage, names, [UserID(_FIRST)], scale.largest_user)
    load = [
        Event(UserID(_FIRST), AlarmID(f"alarm-{number}"), Severity.CRITICAL, 3 * 10**18 + number)
        for number in range(scale.largest_user)
    ]
    steps = [
        [(names.requests, request(_FIRST))],
        [(names.events, body) for body in bodies(load)],
        [(names.requests, request(_FIRST))] * 2,
    ]
    async with stage.broker(names) as broker, aiohttp.ClientSession() as session:
        with stage.service(names) as service:
            done = 0
            for messages in steps:
                await broker.put_many(messages)
                done += len(messages)
                await settled([service], done)
                # What is told is of the last half minute.
                longest_s = max(longest_s, await service.longest_turn_s(session))
    stage.forget(names)
    return {"longest_turn_ms": 1000 * longest_s}
