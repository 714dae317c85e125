"""The pulse: what turns is noted, what does not is named."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from random import Random
from typing import TYPE_CHECKING

from pykka import ActorRegistry

from actors.runtime.loop import LoopDispatcher
from actors.runtime.simulated import ManualClock, SimulatedDispatcher
from ops.monitoring import pulse as pulse_module
from ops.monitoring.pulse import ACTORS, STILL_AFTER_S, TIMER, Pulse

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import pytest

    from actors.runtime.pooled import Dispatcher, Scheduler


class Desk:
    """A pulse, and actors that run when the test says so."""

    def __init__(self) -> None:
        """Set it up."""
        self.clock = ManualClock()
        self.dispatcher = SimulatedDispatcher(Random(0), self.clock)
        self.pulse = Pulse(self.clock.monotonic_s)
        self.beats = 0
        self.pulse.listeners.append(self._count)

    @asynccontextmanager
    async def running(
        self, dispatcher: Dispatcher | None = None, scheduler: Scheduler | None = None
    ) -> AsyncIterator[None]:
        """Run it for the time of a ``with`` block."""
        dispatcher, scheduler = dispatcher or self.dispatcher, scheduler or self.dispatcher
        task = asyncio.create_task(self.pulse.run(dispatcher, scheduler))
        await self.turn_the_loop()
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            ActorRegistry.stop_all(block=False)
            self.dispatcher.run_until_idle()

    async def turn_the_loop(self) -> None:
        """Let everything on the loop that is ready run."""
        for _ in range(10):
            await asyncio.sleep(0)

    def _count(self) -> None:
        self.beats += 1


async def test_a_turn_through_actors_and_timer_is_noted_and_told() -> None:
    """The heartbeat and the watchdog hang on it."""
    desk = Desk()
    assert desk.pulse.ages_s() == {}
    async with desk.running():
        desk.clock.elapsed_s += 3
        desk.dispatcher.advance(0)
        await desk.turn_the_loop()
        assert desk.pulse.ages_s() == {ACTORS: 0, TIMER: 0}
        assert desk.beats == 1


async def test_actors_that_do_not_turn_are_named_and_nothing_is_told() -> None:
    """The watchdog is not fed, and a probe says who it is."""
    desk = Desk()
    async with desk.running():
        desk.clock.elapsed_s += STILL_AFTER_S
        assert desk.pulse.still() == []
        desk.clock.elapsed_s += 1
        assert desk.pulse.still() == [ACTORS, TIMER]
        await desk.turn_the_loop()
        assert desk.beats == 0


async def test_a_timer_that_does_not_turn_is_named_alone() -> None:
    """The actors do."""
    desk = Desk()
    async with desk.running():
        desk.dispatcher.run_until_idle()
        desk.clock.elapsed_s += STILL_AFTER_S + 1
        await desk.turn_the_loop()
        assert desk.pulse.still() == [TIMER]
        assert desk.beats == 0


async def test_turns_follow_each_other_on_the_service_s_own_dispatcher(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The one whose actors share the loop."""
    monkeypatch.setattr(pulse_module, "INTERVAL_S", 0.0)
    desk = Desk()
    shared = LoopDispatcher(asyncio.get_running_loop())
    async with desk.running(shared, shared), asyncio.timeout(10):
        while desk.beats < 3:  # noqa: ASYNC110  # each turn is a few of the loop's
            await asyncio.sleep(0)
    shared.run_until_idle()
    assert desk.pulse.still() == []
