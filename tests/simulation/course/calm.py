"""Calm: no faults any more, until everything has come to rest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.simulation.bounds import unfinished
from tests.simulation.plan import Weather
from tests.simulation.process import MAX_IN_FLIGHT
from tests.simulation.trace import Happening

if TYPE_CHECKING:
    from tests.simulation.world import World

REST_WITHIN_S = 120.0
"""Once faults have stopped, everything must be settled within this time."""

STEPS_AT_A_MOMENT = 20_000
"""So many steps must be enough for all mail that there is, and that it leads to."""

_TICKS = 3


class Calm:
    """Lets a world go on without faults."""

    def __init__(self, world: World) -> None:
        """Prepare; nothing happens yet."""
        self._world = world
        self._rest_by_s = 0.0

    def settle(self) -> None:
        """End all faults, deliver everything, and wait until nothing is in flight."""
        world = self._world
        world.weather = Weather()
        world.note("-", Happening.CALMED)
        for process in world.living():
            process.paused = False
        self._rest_by_s = world.clock.elapsed_s + REST_WITHIN_S
        while self._unrest():
            if world.clock.elapsed_s > self._rest_by_s:
                world.watch.fail(f"no rest after {REST_WITHIN_S} s: {self._unrest()}")
            world.raise_violation()
            self._go_on()
        self._tick()

    def end(self) -> None:
        """Let every user passivate, then stop all processes."""
        world = self._world
        world.clock.elapsed_s += world.plan.settings.idle_timeout_s + 1.0
        self._rest_by_s = world.clock.elapsed_s + REST_WITHIN_S
        self._tick()
        for process in world.living():
            if process.live_users():
                world.watch.fail(f"{process} keeps {process.live_users()} idle users in memory")
            process.pulling = False
        world.end_drained()
        if world.living():
            world.watch.fail(f"{world.living()} did not end")
        world.raise_violation()

    def _tick(self) -> None:
        """Let every process's router tick a few times."""
        world = self._world
        ticks = {process: process.ticks + _TICKS for process in world.living()}
        while late := [item for item in world.living() if item.ticks < ticks.get(item, 0)]:
            if world.clock.elapsed_s > self._rest_by_s:
                world.watch.fail(f"{late[0]}'s router does not tick")
            world.raise_violation()
            self._go_on()

    def _go_on(self) -> None:
        """Let time pass until the next timer, then everybody do what can be done."""
        world = self._world
        world.fire()
        if not world.any_pulling():
            world.start()
        if process := world.any_pulling():
            world.deliver_next(process, MAX_IN_FLIGHT)
            world.deliver(process, [seq for seq in world.broker.waiting if self._abandoned(seq)])
        steps = 0
        while world.step():
            steps += 1
            if steps > STEPS_AT_A_MOMENT:
                world.watch.fail(f"after {steps} steps there is still mail, though no time passes")
            world.raise_violation()
        world.end_drained()

    def _unrest(self) -> str:
        """Tell what is still going on; empty when nothing is."""
        world = self._world
        if world.broker.waiting:
            return f"waiting {list(world.broker.waiting)}"
        for process in world.living():
            if process.in_flight:
                return f"{process} has {process.in_flight} in flight"
            if left := unfinished(process):
                return f"{process} has {left} to do"
        return "publications" if world.travelling else ""

    def _abandoned(self, sequence: int) -> bool:
        """Whether nobody holds a message that was delivered."""
        return sequence not in self._world.undelivered and not any(
            process.holds(sequence) for process in self._world.living()
        )
