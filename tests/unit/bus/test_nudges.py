"""The pace of nudges: at once, then bounded, and the last one is never swallowed."""

from __future__ import annotations

import asyncio

from bus.nudges import Paced

EVERY_S = 0.02


async def reached(times: list[float], count: int) -> None:
    """Return once something was done so often, or fail."""
    async with asyncio.timeout(5):
        while len(times) < count:  # noqa: ASYNC110  # a list has no event
            await asyncio.sleep(0.001)


async def test_the_first_is_done_at_once_and_many_at_the_whiles_end_once() -> None:
    """Whoever wants it after it was done wants it done again."""
    loop = asyncio.get_running_loop()
    times: list[float] = []
    paced = Paced(lambda: times.append(loop.time()), EVERY_S)
    began_s = loop.time()
    for _ in range(100):
        paced.want()
    assert len(times) == 1
    await reached(times, 2)
    assert times[1] - began_s >= EVERY_S * 0.9
    await asyncio.sleep(3 * EVERY_S)
    assert len(times) == 2
    paced.want()
    assert len(times) == 3, "after a silence at once again"


async def test_what_is_wanted_all_the_time_is_done_at_a_bounded_rate() -> None:
    """However often."""
    loop = asyncio.get_running_loop()
    times: list[float] = []
    paced = Paced(lambda: times.append(loop.time()), EVERY_S)
    until_s = loop.time() + 10 * EVERY_S
    while loop.time() < until_s:
        paced.want()
        await asyncio.sleep(0)
    paced.cancel()
    assert 2 <= len(times) <= 11


async def test_after_the_end_nothing_is_done() -> None:
    """Not even what was wanted before."""
    done: list[int] = []
    paced = Paced(lambda: done.append(1), EVERY_S)
    paced.want()
    paced.want()
    paced.cancel()
    await asyncio.sleep(3 * EVERY_S)
    assert done == [1]
