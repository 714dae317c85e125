"""Events that wait, of known and of new users, against the baselines by turns."""

from __future__ import annotations

from random import Random
from statistics import median
from typing import TYPE_CHECKING, Any

from bench import baselines
from bench.loads import bodies, later_events
from bench.stage import settled
from tests.broker import Names
from tests.load import events

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.scenarios.scale import Figures, Scale
    from bench.stage import Stage
    from bench.usage import Usage


async def known_users(stage: Stage, scale: Scale) -> Figures:
    """Goal 1: a backlog of users that are stored already, against both baselines, by turns.

    Each event is later than what is known of its alarm, so that every one changes something.
    """
    ours, raws = Names(), Names()
    measured: list[Usage] = []
    raw: list[Usage] = []
    usual: list[Usage] = []
    async with stage.broker(ours) as broker, stage.broker(raws) as raw_broker:
        await raw_broker.create_input_stream()
        users = stage.collection(raws, "raw")
        with stage.service(ours) as service:
            service.process.terminate()
        for number in range(scale.rounds + 1):
            load = list(bodies(later_events(number, scale.users, scale.backlog)))
            await broker.put_all(load)
            mine = await drain(stage, ours, scale.backlog)
            await raw_broker.put_all(load)
            after = number * scale.backlog
            theirs = await baselines.raw(stage, raw_broker, users, scale.backlog, after)
            if number:  # the first makes the users known
                some = stage.collection(Names(), "usual")
                usual.append(await baselines.usual(stage, raw_broker, some, load[: scale.usual]))
                measured.append(mine)
                raw.append(theirs)
    stage.forget(ours)
    stage.forget(raws)
    of_usual = median(m.per_s / u.per_s for m, u in zip(measured, usual, strict=True))
    return {**compared(measured, raw), "usual": middle(usual), "of_usual": of_usual}


async def new_users(stage: Stage, scale: Scale) -> Figures:
    """Goal 2: users never seen before, one event each."""
    measured: list[Usage] = []
    raw: list[Usage] = []
    for number in range(scale.rounds):
        load = list(bodies(events(Random(number), scale.new_users, 1, scale.new_users)))
        ours, raws = Names(), Names()
        async with stage.broker(ours) as broker:
            with stage.service(ours) as service:
                service.process.terminate()
            await broker.put_all(load)
            measured.append(await drain(stage, ours, scale.new_users))
        async with stage.broker(raws) as broker:
            await broker.create_input_stream()
            await broker.put_all(load)
            users = stage.collection(raws, "raw")
            raw.append(await baselines.raw(stage, broker, users, scale.new_users))
        stage.forget(ours)
        stage.forget(raws)
    return compared(measured, raw)


async def drain(stage: Stage, names: Names, count: int, **settings: object) -> Usage:
    """Run the service over what waits until all of it is settled."""
    with stage.service(names, **settings) as service:
        watch = stage.watch(service)
        await settled([service], count)
        usage = watch.read(count)
        service.process.terminate()  # so that the next begins behind it
    return usage


def middle(rounds: Sequence[Usage]) -> dict[str, Any]:
    """Return the figures of the round whose rate is in the middle."""
    return sorted(rounds, key=lambda usage: usage.per_s)[len(rounds) // 2].figures()


def compared(measured: Sequence[Usage], baseline: Sequence[Usage]) -> Figures:
    """Return what was measured, the baseline, and the ratios, taken round by round."""
    pairs = list(zip(measured, baseline, strict=True))
    return {
        **middle(measured),
        "raw": middle(baseline),
        "of_raw": median(mine.per_s / raw.per_s for mine, raw in pairs),
        "cpu_of_raw": median(mine.cpu_us() / raw.cpu_us() for mine, raw in pairs),
        "rounds": [(mine.figures(), raw.figures()) for mine, raw in pairs],
    }
