"""Several instances: what another one gives, what a foreign message costs, and one that joins."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from contextlib import ExitStack
from itertools import count, cycle, islice
from typing import TYPE_CHECKING, Any

import aiohttp

from actors.rules.alarms import UserID
from actors.rules.partitions import PARTITIONS, partition_of
from bench.loads import bodies, touches
from bench.rates import WORST_OF_S, worst_rate
from bench.shares import NoSharesError, held_to
from bench.stage import settled
from bench.usage import SERVICE
from tests.broker import Names

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.scenarios.scale import Figures, Scale
    from bench.stage import Service, Stage
    from bench.usage import Usage
    from tests.broker import Broker

SHARE = 0.1
"""Of a core for each instance: eight and the servers behind them fit into two cores."""
_USERS_EACH = 500
_BALANCED_WITHIN_S = 60.0
_POLL_S = 0.05
_SAMPLE_S = 0.1
_TURN_S = 0.01


async def scale_out(stage: Stage, scale: Scale) -> Figures:
    """Goal 7: events/s of 1, 2, 4, 8 instances, each held to the same share of a core."""
    rates: dict[str, Any] = {}
    for instances in scale.instances:
        events = instances * scale.instance_events
        users = range(instances * _USERS_EACH)
        load = [users[number % len(users)] for number in range(events)]
        names = Names()
        async with stage.broker(names) as broker:
            with stage.services(instances, names) as services:
                await _balanced(stage, names, instances)
                await broker.put_all(bodies(touches(users)))
                await settled(services, len(users))
                pids = [service.pid for service in services]
                try:
                    with held_to(SHARE, pids):
                        watch = stage.watch(*services)
                        await broker.put_all(bodies(touches(load, len(users))))
                        await settled(services, len(users) + events)
                        rates[str(instances)] = watch.read(events).figures()
                except NoSharesError as error:
                    return {"not_measured": str(error)}
        stage.forget(names)
    alone = rates["1"]["per_s"]
    return {
        "share": SHARE,
        "instances": rates,
        **{f"of_one_{name}": one["per_s"] / alone for name, one in rates.items()},
    }


async def foreign(stage: Stage, scale: Scale) -> Figures:
    """Goal 7: the CPU of a message that is another instance's, against one's own.

    Two instances, and a backlog of users of the second only: what the first spends on it, less
    what it spends when nothing comes.
    """
    names = Names()
    async with stage.broker(names) as broker:
        with stage.services(2, names) as (first, second):
            await _balanced(stage, names, 2)
            theirs = _at_home(stage, names, second)
            of_them = (n for n in count() if partition_of(UserID(f"user-{n}")) in theirs)
            users = list(islice(of_them, 4 * _USERS_EACH))
            await broker.put_all(bodies(touches(users)))
            await settled([second], len(users))
            load = [users[number % len(users)] for number in range(scale.backlog)]
            of_first, of_second = stage.watch(first), stage.watch(second)
            await broker.put_all(bodies(touches(load, len(users))))
            await settled([second], len(users) + len(load))
            other, own = of_first.read(len(load)), of_second.read(len(load))
            resting = stage.watch(first)
            await asyncio.sleep(own.wall_s / 2)
            at_rest = resting.read(1)
    stage.forget(names)
    return foreign_cost(own, other, at_rest)


def foreign_cost(own: Usage, other: Usage, at_rest: Usage) -> Figures:
    """Return CPU microseconds a message, own and foreign, without what rest would have cost."""
    rest = at_rest.cpu_s[SERVICE] / at_rest.wall_s
    own_us = (own.cpu_s[SERVICE] - rest * own.wall_s) / own.messages * 1e6
    foreign_us = (other.cpu_s[SERVICE] - rest * other.wall_s) / other.messages * 1e6
    return {
        "own_us": own_us,
        "foreign_us": foreign_us,
        "rest_cores": rest,
        "foreign_of_own": foreign_us / own_us,
    }


async def joining(stage: Stage, scale: Scale) -> Figures:
    """Goal 8: a fourth instance joins three that are under a steady load, half of what they bear.

    How much of the rate before is left in the worst two seconds from its start on.
    """
    names = Names()
    users = range(4 * _USERS_EACH)
    with ExitStack() as stack:
        async with stage.broker(names) as broker:
            services = list(stack.enter_context(stage.services(3, names)))
            await _balanced(stage, names, 3)
            await broker.put_all(bodies(touches(users)))
            await settled(services, len(users))
            watch = stage.watch(*services)
            load = [users[number % len(users)] for number in range(scale.backlog // 2)]
            await broker.put_all(bodies(touches(load, len(users))))
            await settled(services, len(users) + len(load))
            bearable = watch.read(len(load)).per_s
            feeding = asyncio.create_task(
                _feed(broker, users, bearable / 2, len(users) + len(load))
            )
            before = await _sample(services, asyncio.create_task(asyncio.sleep(scale.joining_s)))
            fourth = stage.service(names)
            starting = asyncio.create_task(asyncio.to_thread(stack.enter_context, fourth))
            during = await _sample(services, starting)
            services.append(await starting)
            moving = asyncio.create_task(asyncio.sleep(scale.joining_s))
            during += await _sample(services, moving)
            feeding.cancel()
            await asyncio.gather(feeding, return_exceptions=True)
    stage.forget(names)
    usual, worst = worst_rate(before, scale.joining_s / 2), worst_rate(during, WORST_OF_S)
    return {
        "bearable_per_s": bearable,
        "before_per_s": usual,
        "worst_per_s": worst,
        "kept": worst / usual,
    }


async def _feed(broker: Broker, users: Sequence[int], per_s: float, first: int) -> None:
    """Publish events at this rate until cancelled."""
    began_s = time.perf_counter()
    load = touches(cycle(users), first)
    for turn in count(1):
        for body in bodies(islice(load, int(per_s * _TURN_S))):
            await broker.client.publish(broker.names.events, body)
        await asyncio.sleep(max(0.0, began_s + turn * _TURN_S - time.perf_counter()))


async def _sample(services: Sequence[Service], until: asyncio.Task[Any]) -> list[tuple[float, int]]:
    """Return when how many messages were taken, until a task is done.

    Not settled: those of users that move are only a checkpoint interval later.
    """
    samples: list[tuple[float, int]] = []
    async with aiohttp.ClientSession() as session:
        while not until.done():
            done = sum([await service.taken(session) for service in services])
            samples.append((time.perf_counter(), done))
            await asyncio.wait([until], timeout=_SAMPLE_S)
    return samples


async def _balanced(stage: Stage, names: Names, instances: int) -> None:
    """Return once the partitions are dealt out to so many instances."""
    wanted = {PARTITIONS // instances, -(-PARTITIONS // instances)}
    async with asyncio.timeout(_BALANCED_WITHIN_S):
        while True:
            homes = Counter(one["home"] for one in stage.collection(names, "partitions").find())
            if len(homes) == instances and None not in homes and set(homes.values()) <= wanted:
                return
            await asyncio.sleep(_POLL_S)


def _at_home(stage: Stage, names: Names, service: Service) -> set[int]:
    """Return the numbers of a service's partitions."""
    [instance] = [
        one["_id"]
        for one in stage.collection(names, "instances").find()
        if (one["address"] or "").rstrip("/").endswith(service.address)
    ]
    partitions = stage.collection(names, "partitions").find({"home": instance})
    return {one["_id"] for one in partitions}
