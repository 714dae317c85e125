"""The scenarios; each returns its figures by name."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from math import nan
from random import Random
from statistics import median, quantiles
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson
from nats.js.api import DiscardPolicy, RetentionPolicy

from actors.ports import CheckpointUpdate
from actors.rules.alarms import Alarm, AlarmID, Severity, UserID
from bench import baselines
from bench.stage import Stopwatch, rss_bytes
from store.users.blocking import StandaloneStore
from tests.broker import Names
from tests.load import SPAN_NS, START_NS, Event, events

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from nats.aio.msg import Msg

    from bench.stage import Stage
    from tests.broker import Broker

Figures = dict[str, Any]

ALARMS = 10

INPUT_STREAM = {"retention": RetentionPolicy.WORK_QUEUE, "discard": DiscardPolicy.NEW}
"""The stream that the service creates: the baseline pays for the same promises."""
_DRAIN_S = 600.0
_POLL_S = 0.05
"""Each look costs both sides a millisecond, which the baseline does not pay."""
_TURNS_PER_S = 500
_FEW_USERS = 10_000


@dataclass(frozen=True, slots=True)
class Scale:
    """How large the scenarios are."""

    rounds: int
    backlog: int
    users: int
    new_users: int
    usual: int
    digests: int
    paced_s: float
    many_users: int
    live_users: int


FULL = Scale(3, 200_000, 20_000, 100_000, 10_000, 20_000, 15.0, 1_000_000, 100_000)
QUICK = Scale(1, 40_000, 4_000, 20_000, 2_000, 4_000, 4.0, 40_000, 4_000)


async def known_users(stage: Stage, scale: Scale) -> Figures:
    """Goal 1: a backlog of users that are stored already, against both baselines, by turns.

    Each event is later than what is known of its alarm, so that every one changes something.
    """
    ours, raws, usual = Names(), Names(), Names()
    rounds: list[Round] = []
    async with stage.broker(ours) as broker, stage.broker(raws) as raw_broker:
        for one in (broker, raw_broker):
            await one.create_input_stream(**INPUT_STREAM)
        users = stage.collection(raws, "raw")
        for number in range(scale.rounds + 1):
            load = list(bodies(later_events(number, scale)))
            await broker.put_all(load)
            figures = await drain(stage, broker, scale.backlog)
            await raw_broker.put_all(load)
            raw = await baselines.raw(raw_broker, users, scale.backlog)
            if number:  # the first makes the users known
                some = stage.collection(usual, "usual")
                rate = await baselines.usual(raw_broker, some, load[: scale.usual])
                rounds.append(Round(*figures, *raw, rate))
    return _medians(rounds)


async def new_users(stage: Stage, scale: Scale) -> Figures:
    """Goal 2: users never seen before, one event each."""
    rounds: list[Round] = []
    for number in range(scale.rounds):
        load = list(bodies(events(Random(number), scale.new_users, 1, scale.new_users)))
        ours, raws = Names(), Names()
        async with stage.broker(ours) as broker:
            with stage.service(ours) as service:
                service.terminate()
            await broker.put_all(load)
            figures = await drain(stage, broker, scale.new_users)
        async with stage.broker(raws) as broker:
            await broker.create_input_stream(**INPUT_STREAM)
            await broker.put_all(load)
            users = stage.collection(raws, "raw")
            rounds.append(Round(*figures, *await baselines.raw(broker, users, scale.new_users)))
    return _medians(rounds)


class Round(NamedTuple):
    """The service and its baselines, one after the other on the same load."""

    rate: float
    cpu_us: float
    raw: float
    raw_cpu_us: float
    usual: float = nan


def _medians(rounds: list[Round]) -> Figures:
    """Return what the rounds have in the middle; ratios are taken round by round."""
    return {
        "rounds": [one._asdict() for one in rounds],
        "events_per_s": median(one.rate for one in rounds),
        "cpu_us_per_event": median(one.cpu_us for one in rounds),
        "raw_events_per_s": median(one.raw for one in rounds),
        "raw_cpu_us_per_event": median(one.raw_cpu_us for one in rounds),
        "usual_events_per_s": median(one.usual for one in rounds),
        "of_raw": median(one.rate / one.raw for one in rounds),
        "of_usual": median(one.rate / one.usual for one in rounds),
    }


def later_events(number: int, scale: Scale) -> Iterator[Event]:
    """Yield a round's events, each later than all of the round before."""
    start_ns = START_NS + number * SPAN_NS
    return events(Random(number), scale.users, ALARMS, scale.backlog, start_ns)


async def digest_rate(stage: Stage, scale: Scale) -> Figures:
    """Goal 3, first half: requests that wait, each of another user with something to tell."""
    names = Names()
    async with stage.broker(names) as broker:
        with stage.service(names) as service:
            await broker.put_all(bodies(one_active_alarm(scale.digests)))
            await drained(broker)
            service.terminate()
        await broker.put_many(requests(names, scale.digests))
        rate, cpu_us = await drain(stage, broker, scale.digests)
        told = (await broker.js.stream_info(names.digest_stream)).state.messages
    assert told == scale.digests
    return {"digests_per_s": rate, "cpu_us_per_digest": cpu_us}


async def digest_latency(stage: Stage, scale: Scale, *, hot: bool = False) -> Figures:
    """Goal 3, second half, and 7: request to digest under load; ``hot``: half of it one user's.

    10,000 events/s and 500 requests/s, in turns of 20 and one, of users that are in memory; what
    is asked in the first second is not counted.
    """
    names = Names()
    latencies_s: list[float] = []
    asked_at_s: dict[str, float] = {}

    async def hear(msg: Msg) -> None:
        fields = orjson.loads(msg.data)
        asked = asked_at_s.pop(fields["UserID"], None)
        if asked is not None:
            latencies_s.append(time.perf_counter() - asked)

    async with stage.broker(names) as broker, stage.broker(names) as listener:
        with stage.service(names):
            await listener.client.subscribe(names.digests, cb=hear)
            await listener.client.flush()
            random = Random(4)
            users = [f"user-{number}" for number in range(scale.users)]
            load = _paced_events(random, users, hot=hot)
            await broker.put_all(bodies(_touch(range(scale.users))))
            await drained(broker)
            began_s = time.perf_counter()
            for turn in range(int((1 + scale.paced_s) * _TURNS_PER_S)):
                if turn == _TURNS_PER_S:
                    latencies_s.clear()
                for _ in range(20):
                    await broker.client.publish(names.events, next(load))
                user = random.choice(users[1:])
                if user not in asked_at_s:
                    asked_at_s[user] = time.perf_counter()
                    await broker.client.publish(names.requests, orjson.dumps({"UserID": user}))
                left_s = began_s + (turn + 1) / _TURNS_PER_S - time.perf_counter()
                await asyncio.sleep(max(0.0, left_s))
            achieved = (turn + 1) * 20 / (time.perf_counter() - began_s)
            await drained(broker)
    cuts = quantiles(latencies_s, n=100)
    return {
        "background_events_per_s": achieved,
        "digests": len(latencies_s),
        "p50_ms": cuts[49] * 1e3,
        "p99_ms": cuts[98] * 1e3,
        "latencies_ms": [round(latency * 1e3, 3) for latency in sorted(latencies_s)[::10]],
    }


async def memory(stage: Stage, scale: Scale) -> Figures:
    """Goals 4, 5 and 6: many users known, few live, uniform load over all."""
    names = Names()
    _store_users(stage, names, scale.many_users)
    resident: list[tuple[int, int]] = []
    async with stage.broker(names) as broker:
        began_s = time.perf_counter()
        with stage.service(names, MAX_LIVE_USERS=scale.live_users) as service:
            ready_s = time.perf_counter() - began_s
            empty = rss_bytes(service.pid)
            # Ten alarms of each of as many users as may live, in memory now.
            live = range(scale.live_users)
            await broker.put_all(bodies(_touch(live)))
            await drained(broker)
            per_live = (rss_bytes(service.pid) - empty) / scale.live_users
            watch = Stopwatch(service.pid)
            random = Random(5)
            done = 0
            while done < scale.many_users:
                some = [random.randrange(scale.many_users) for _ in range(scale.many_users // 10)]
                await broker.put_all(bodies(_touch(some)))
                await drained(broker)
                done += len(some)
                resident.append((done, rss_bytes(service.pid)))
            uniform = done / watch.wall_s()
            local = await _local_rate(broker, scale, scale.many_users)
    few = Names()
    _store_users(stage, few, _FEW_USERS)
    async with stage.broker(few) as broker:
        with stage.service(few, MAX_LIVE_USERS=scale.live_users):
            small = await _local_rate(broker, scale, _FEW_USERS)
    return {
        "ready_s": ready_s,
        "few_users": _FEW_USERS,
        "many_users": scale.many_users,
        "bytes_per_live_user": per_live,
        "peak_bytes": max(size for _, size in resident),
        "resident_bytes": resident,
        "uniform_events_per_s": uniform,
        "local_events_per_s": local,
        "local_events_per_s_of_few_users": small,
        "of_few_users": local / small,
    }


async def large_user(stage: Stage, scale: Scale) -> Figures:
    """Goal 6, second half: an event for a user with 10,000 alarms against one with 10."""
    figures: Figures = {}
    for alarms in (10, 10_000):
        names = Names()
        count = scale.usual * 2
        with_alarms = {AlarmID(f"alarm-{number}"): _ALARM for number in range(alarms)}
        store = StandaloneStore(stage.store_settings(names))
        store.open()
        users = [UserID(f"user-{number}") for number in range(20)]
        for user in users:
            store.save([CheckpointUpdate(user, 0, with_alarms, None)])
        store.close()
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
                await drained(broker)
                watch = Stopwatch(service.pid)
                await broker.put_all(bodies(load))
                await drained(broker)
                figures[f"cpu_us_per_event_of_{alarms}_alarms"] = watch.cpu_us_per(count)
    figures["ratio"] = (
        figures["cpu_us_per_event_of_10000_alarms"] / figures["cpu_us_per_event_of_10_alarms"]
    )
    return figures


_ALARM = Alarm(Severity.WARNING, 10**18, Severity.CLEARED, None, news=True, heard_at_s=0)


async def drain(
    stage: Stage, broker: Broker, count: int, **settings: object
) -> tuple[float, float]:
    """Run the service over what waits; return messages/s and its CPU microseconds for each."""
    with stage.service(broker.names, **settings) as service:
        watch = Stopwatch(service.pid)
        await drained(broker)
        return count / watch.wall_s(), watch.cpu_us_per(count)


async def _local_rate(broker: Broker, scale: Scale, known: int) -> float:
    """Return events/s of a load on 1,000 users of many, wherever they are among them."""
    random = Random(7)
    some = random.sample(range(known), 1_000)
    load = [some[random.randrange(1_000)] for _ in range(scale.backlog)]
    await broker.put_all(bodies(_touch(some)))
    await drained(broker)
    began_s = time.perf_counter()
    await broker.put_all(bodies(_touch(load)))
    await drained(broker)
    return scale.backlog / (time.perf_counter() - began_s)


def _store_users(stage: Stage, names: Names, count: int) -> None:
    store = StandaloneStore(stage.store_settings(names))
    store.open()
    alarms = {AlarmID(f"alarm-{number}"): _ALARM for number in range(ALARMS)}
    for first in range(0, count, 5_000):
        store.save(
            [
                CheckpointUpdate(UserID(f"user-{user}"), 0, alarms, None)
                for user in range(first, min(count, first + 5_000))
            ]
        )
    store.close()


def _touch(users: Iterable[int]) -> Iterator[Event]:
    for number, user in enumerate(users):
        yield Event(
            UserID(f"user-{user}"),
            AlarmID(f"alarm-{number % ALARMS}"),
            Severity(number % 3),
            2 * 10**18 + number,
        )


def requests(names: Names, users: int) -> Iterator[tuple[str, bytes]]:
    """Yield a digest request of each user, with its subject."""
    for user in range(users):
        yield names.requests, orjson.dumps({"UserID": f"user-{user}"})


def one_active_alarm(users: int) -> Iterator[Event]:
    """Yield an alarm for each user."""
    for user in range(users):
        yield Event(UserID(f"user-{user}"), AlarmID("a"), Severity.CRITICAL, 10**18 + user)


def _paced_events(random: Random, users: list[str], *, hot: bool) -> Iterator[bytes]:
    at_ns = 10**18
    while True:
        user = users[0] if hot and random.random() < 0.5 else random.choice(users)
        at_ns += 1
        alarm = AlarmID(f"alarm-{random.randrange(ALARMS)}")
        yield Event(UserID(user), alarm, random.choice(list(Severity)), at_ns).body()


async def drained(broker: Broker) -> None:
    """Return once everything that waits is delivered and acknowledged."""
    await broker.settled(_DRAIN_S, _POLL_S)


def bodies(load: Iterable[Event]) -> Iterator[bytes]:
    """Yield the events as they are on the wire."""
    for event in load:
        yield event.body()
