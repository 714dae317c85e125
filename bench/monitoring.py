"""What monitoring costs: the same backlogs with nobody looking, and with everybody looking."""

from __future__ import annotations

import asyncio
from statistics import median
from typing import TYPE_CHECKING

import aiohttp

from bench.scenarios import bodies, drain, drained, later_events
from ops.process.embedded import free_port
from tests.broker import Names

if TYPE_CHECKING:
    from bench.scenarios import Figures, Scale
    from bench.stage import Stage

_PATHS = ("/metrics", "/readyz", "/livez", "/api/figures")
_EVERY_S = 1.0
"""Prometheus asks every fifteen seconds, an open console every two."""


async def monitoring(stage: Stage, scale: Scale) -> Figures:
    """Events/s of known users with metrics, probes and console being read, of those without."""
    names = Names()
    plain: list[float] = []
    watched: list[float] = []
    async with stage.broker(names) as broker:
        with stage.service(names) as service:
            await broker.put_all(bodies(later_events(0, scale)))
            await drained(broker)
            service.terminate()
        for number in range(1, 2 * max(2, scale.rounds) + 1):
            await broker.put_all(bodies(later_events(number, scale)))
            if number % 2:
                rate, _ = await drain(stage, broker, scale.backlog)
                plain.append(rate)
                continue
            address = f"127.0.0.1:{free_port()}"
            looking = asyncio.create_task(_look(f"http://{address}"))
            rate, _ = await drain(stage, broker, scale.backlog, HTTP_ADDRESS=address)
            looking.cancel()
            await asyncio.gather(looking, return_exceptions=True)
            watched.append(rate)
    return {
        "plain_events_per_s": median(plain),
        "watched_events_per_s": median(watched),
        "of_plain": median(w / p for w, p in zip(watched, plain, strict=True)),
    }


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
