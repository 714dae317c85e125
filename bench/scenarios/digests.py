"""Digests: how many a second, how soon under load, and beside a user who keeps all busy."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

from bench.digest_baselines import idle_trips, raw_digests
from bench.loads import bodies, mixed, one_active_alarm, request, requests, touches
from bench.pacing import Paced, paced
from bench.scenarios.throughput import compared, drain
from bench.stage import settled
from tests.broker import Names

if TYPE_CHECKING:
    from bench.scenarios.scale import Figures, Scale
    from bench.stage import Stage
    from bench.usage import Usage

THIRD, TWO_THIRDS = 1 / 3, 2 / 3
_ONE = "user-0"
"""Who keeps all busy."""


async def digest_rate(stage: Stage, scale: Scale) -> Figures:
    """Goal 2: requests that wait, each of another user with something to tell."""
    measured: list[Usage] = []
    raw: list[Usage] = []
    for _ in range(scale.rounds):
        ours, raws = Names(), Names()
        async with stage.broker(ours) as broker:
            with stage.service(ours) as service:
                await broker.put_all(bodies(one_active_alarm(scale.digests)))
                await settled([service], scale.digests)
                service.process.terminate()
            await broker.put_many(requests(ours, range(scale.digests)))
            measured.append(await drain(stage, ours, scale.digests))
            told = (await broker.js.stream_info(ours.digest_stream)).state.messages
            assert told == scale.digests
        async with stage.broker(raws) as broker:
            await broker.create_input_stream()
            await broker.js.add_stream(name=raws.digest_stream, subjects=[raws.digests])
            users = stage.collection(raws, "raw")
            users.insert_many(
                {"_id": event.user_id, "version": 1, "alarms": {event.alarm_id: [2, 10**18]}}
                for event in one_active_alarm(scale.digests)
            )
            await broker.put_many(requests(raws, range(scale.digests)))
            raw.append(await raw_digests(stage, broker, users, scale.digests))
            told = (await broker.js.stream_info(raws.digest_stream)).state.messages
            assert told == scale.digests
        stage.forget(ours)
        stage.forget(raws)
    return compared(measured, raw)


async def idle(stage: Stage, scale: Scale) -> Figures:
    """Return the round trips of servers that have nothing else to do."""
    del scale
    names = Names()
    async with stage.broker(names) as broker:
        await broker.js.add_stream(name=names.digest_stream, subjects=[names.digests])
        trips = await idle_trips(broker, stage.collection(names, "idle"))
    return {**trips, "sum_ms": sum(trips.values())}


async def latency(stage: Stage, scale: Scale) -> Figures:
    """Goal 2: request to digest at a third and at two thirds of what the service can do.

    Goal 6: and at a third, while one user has half of all events, or asks many times in a row.
    The figures are ratios to the round trips of idle servers, taken just before.
    """
    sum_ms = (await idle(stage, scale))["sum_ms"]
    names = Names()
    async with stage.broker(names) as broker, stage.broker(names) as listener:
        with stage.service(names) as service:
            await broker.put_all(bodies(touches(range(scale.users))))
            await settled([service], scale.users)
            service.process.terminate()
        await broker.put_many(mixed(names, Random(3), scale.users, scale.backlog))
        capacity = await drain(stage, names, scale.backlog)
        with stage.service(names) as service:
            await broker.put_all(bodies(touches(range(scale.users))))
            done = scale.users
            await settled([service], done)
            figures: Figures = {"capacity": capacity.figures()}
            loads = {
                "third": Paced(THIRD * capacity.per_s),
                "two_thirds": Paced(TWO_THIRDS * capacity.per_s),
                "third_again": Paced(THIRD * capacity.per_s),
                "hot_events": Paced(THIRD * capacity.per_s, hot=_ONE),
                "hot_requests": Paced(
                    THIRD * capacity.per_s, [request(_ONE)] * scale.requests_in_a_row
                ),
            }
            for name, load in loads.items():
                watch = stage.watch(service)
                sent, one = await paced(broker, listener, load, scale.users, scale.paced_s)
                one |= watch.read(sent).figures()
                one |= {
                    "p50_of_idle": one["p50_ms"] / sum_ms,
                    "p99_of_idle": one["p99_ms"] / sum_ms,
                }
                figures[name] = one
                done += sent
                await settled([service], done)
            before = _version(stage, names)
            await broker.put_many((names.requests, request(_ONE)) for _ in range(1000))
            await settled([service], done + 1000)
            figures["saves_of_1000_requests"] = _version(stage, names) - before
    stage.forget(names)
    calm = figures["third_again"]["p99_ms"]
    figures["hot_events_of_calm"] = figures["hot_events"]["p99_ms"] / calm
    figures["hot_requests_of_calm"] = figures["hot_requests"]["p99_ms"] / calm
    return figures


async def interval(stage: Stage, scale: Scale) -> Figures:
    """Whether saves that come together for longer make digests slower, and what they spare.

    At a third of what the service can do with its default, with two values of
    ``CHECKPOINT_INTERVAL``, by turns.
    """
    figures: Figures = {}
    per_s = 0.0
    for turn, seconds in enumerate((0.2, 2.0) * max(1, scale.rounds - 1)):
        names = Names()
        async with stage.broker(names) as broker, stage.broker(names) as listener:
            if not per_s:
                await broker.create_input_stream()
                await broker.put_many(mixed(names, Random(3), scale.users, scale.backlog))
                per_s = THIRD * (await drain(stage, names, scale.backlog)).per_s
                await broker.js.purge_stream(names.input_stream)
            with stage.service(names, CHECKPOINT_INTERVAL=seconds) as service:
                await broker.put_all(bodies(touches(range(scale.users))))
                await settled([service], scale.users)
                watch = stage.watch(service)
                sent, one = await paced(broker, listener, Paced(per_s), scale.users, scale.paced_s)
                figures[f"{turn}: {seconds} s"] = one | watch.read(sent).figures()
        stage.forget(names)
    return figures


def _version(stage: Stage, names: Names) -> int:
    found = stage.collection(names, "users").find_one({"_id": _ONE})
    assert found is not None
    return int(found["version"])
