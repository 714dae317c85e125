"""The pulse: proof, again and again, that event loop, actors and timer turn."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from actors.runtime.pooled import PooledActor

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pykka import ActorRef

    from actors.runtime.pooled import Dispatcher, Scheduler

INTERVAL_S = 2.0
"""Between two turns."""

STILL_AFTER_S = 15.0
"""A part that has not turned for so long is called dead: a supervisor may restart the process.

A turn takes milliseconds; under the heaviest load that was measured, a fraction of a second.
"""

ACTORS, TIMER = "actors", "timer"


class Echo(NamedTuple):
    """Pulse to ``EchoActor``: call back."""

    back: Callable[[], None]


class EchoActor(PooledActor):
    """An actor among the others on their dispatcher: it is served when they are."""

    def on_receive(self, message: Echo) -> None:
        """Call back. Runs on the dispatcher's thread."""
        message.back()


class Pulse:
    """Turns every part again and again and notes when it did. Runs on the event loop."""

    def __init__(self, monotonic_s: Callable[[], float] = time.monotonic) -> None:
        """Prepare; ``run`` turns for ever. Whoever is among ``listeners`` is told of each turn."""
        self._monotonic_s = monotonic_s
        self._turned_at_s: dict[str, float] = {}
        self.listeners: list[Callable[[], None]] = []

    def ages_s(self) -> Mapping[str, float]:
        """Return how long ago each part last turned; empty before ``run``."""
        now_s = self._monotonic_s()
        return {part: now_s - turned_at_s for part, turned_at_s in self._turned_at_s.items()}

    def still(self) -> list[str]:
        """Name the parts that do not turn."""
        return [part for part, age_s in self.ages_s().items() if age_s > STILL_AFTER_S]

    async def run(self, dispatcher: Dispatcher, scheduler: Scheduler) -> None:
        """Turn every two seconds, for ever; the next turn waits for the end of the last."""
        self._turned_at_s = dict.fromkeys((ACTORS, TIMER), self._monotonic_s())
        echo = EchoActor.start(dispatcher)
        while True:
            await self.turn(echo, scheduler)
            for listener in self.listeners:
                listener()
            await asyncio.sleep(INTERVAL_S)

    async def turn(self, echo: ActorRef[Any], scheduler: Scheduler) -> None:
        """Return once an actor has been served, told directly and told by the timer."""
        directly, by_timer = self._expect(ACTORS), self._expect(TIMER)
        echo.tell(Echo(directly.back))
        scheduler.tell_after(0.0, echo, Echo(by_timer.back))
        await directly.arrived
        await by_timer.arrived

    def _expect(self, part: str) -> _Expected:
        loop = asyncio.get_running_loop()
        arrived: asyncio.Future[None] = loop.create_future()

        def on_loop() -> None:
            self._turned_at_s[part] = self._monotonic_s()
            if not arrived.done():
                arrived.set_result(None)

        def back() -> None:
            with suppress(RuntimeError):  # the loop is closed: nobody waits any more
                loop.call_soon_threadsafe(on_loop)

        return _Expected(arrived, back)


class _Expected(NamedTuple):
    arrived: asyncio.Future[None]
    back: Callable[[], None]
