"""What monitoring costs: the same backlogs with nobody looking, and with everybody looking."""

from __future__ import annotations

import asyncio
from statistics import median
from typing import TYPE_CHECKING

import aiohttp

from bench.loads import bodies, later_events
from bench.stage import settled
from tests.broker import Names

if TYPE_CHECKING:
    from bench.scenarios.scale import Figures, Scale
    from bench.stage import Stage
    from bench.usage import Usage

_PATHS = ("/metrics", "/readyz", "/livez", "/api/figures")
_EVERY_S = 1.0
"""Prometheus asks every fifteen seconds, an open console every two."""


async def monitoring(stage: Stage, scale: Scale) -> Figures:
    """Events/s of known users with metrics, probes and console being read, of those without."""
    names = Names()
    plain: list[float] = []
    watched: list[float] = []
    async with stage.broker(names) as broker:
        await broker.create_input_stream()
        for number in range(2 * max(2, scale.rounds) + 1):
            await broker.put_all(bodies(later_events(number, scale.users, scale.backlog)))
            look = number > 0 and number % 2 == 0
            usage = await _drain(stage, names, scale.backlog, look=look)
            if number:  # the first makes the users known
                (watched if look else plain).append(usage.per_s)
    stage.forget(names)
    return {
        "plain_per_s": median(plain),
        "watched_per_s": median(watched),
        "of_plain": median(w / p for w, p in zip(watched, plain, strict=True)),
    }


async def _drain(stage: Stage, names: Names, count: int, *, look: bool) -> Usage:
    """Run the service over what waits, with everybody looking or nobody but us."""
    with stage.service(names) as service:
        watch = stage.watch(service)
        looking = asyncio.create_task(_look(f"http://{service.address}")) if look else None
        await settled([service], count)
        usage = watch.read(count)
        if looking is not None:
            looking.cancel()
            await asyncio.gather(looking, return_exceptions=True)
        service.process.terminate()
    return usage


async def _look(url: str) -> None:
    async with aiohttp.ClientSession() as session:
        while True:
            for path in _PATHS:
                try:
                    async with session.get(url + path) as answer:
                        await answer.read()
                except aiohttp.ClientError:
                    pass  # the service is starting, or has just ended
            await asyncio.sleep(_EVERY_S)
