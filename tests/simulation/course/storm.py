"""A storm: traffic and faults in an order drawn at random."""

from __future__ import annotations

import itertools
from collections import deque
from typing import TYPE_CHECKING

from tests.simulation.trace import Happening

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tests.simulation.history import Input
    from tests.simulation.process import Process
    from tests.simulation.world import World


class Storm:
    """Puts inputs into the stream while everything goes wrong that can."""

    def __init__(self, world: World, inputs: Iterable[Input]) -> None:
        """Gather; ``rage`` lets it break loose."""
        self._world = world
        self._random = world.random
        self._inputs = deque(inputs)
        weighted: list[tuple[Callable[[], None], float]] = [
            (self._step, 8.0),
            (self._put, 4.0),
            (self._deliver, 4.0),
            (self._pass_time, 4.0),
            (self._redeliver, 1.5),
            (self._start, 0.6),
            (self._kill, 0.3 * world.plan.crashes),
            (self._stop, 0.3),
            (self._pause, 0.5),
        ]
        self._actions = [action for action, _ in weighted]
        self._bounds = list(itertools.accumulate(weight for _, weight in weighted))

    def rage(self) -> None:
        """Go on until everything is put in, and a while longer."""
        world = self._world
        turns = 3 * len(self._inputs) + self._random.randint(5, 40)
        while self._inputs or turns > 0:
            turns -= 1
            if not any(process.pulling for process in world.living()):
                world.start()
            [action] = self._random.choices(self._actions, cum_weights=self._bounds)
            action()
            world.end_drained()
            world.raise_violation()

    def _step(self) -> None:
        for _ in range(self._random.randint(1, 12)):
            if not self._world.step():
                return

    def _put(self) -> None:
        for _ in range(min(len(self._inputs), self._random.randint(1, 4))):
            self._world.put(self._inputs.popleft())

    def _deliver(self) -> None:
        world = self._world
        if process := world.any_pulling():
            if world.undelivered and world.chance(world.weather.disorder):
                world.undelivered.rotate(self._random.randrange(len(world.undelivered)))
            world.deliver_next(process, self._random.randint(1, 6))

    def _redeliver(self) -> None:
        """Deliver again what waits for its acknowledgement, be it in flight or not."""
        world = self._world
        delivered = [number for number in world.broker.waiting if number not in world.undelivered]
        process = world.any_pulling()
        if process and delivered:
            count = min(len(delivered), self._random.randint(1, 3))
            world.deliver(process, self._random.sample(delivered, count))

    def _pass_time(self) -> None:
        """Let timers fire, or a while pass, so that what falls due meanwhile fires late."""
        world = self._world
        if self._random.random() < 0.3:
            idle_s = world.plan.settings.idle_timeout_s + 0.1
            world.clock.elapsed_s += self._random.choice((0.05, 1.0, 10.0, idle_s))
        for _ in range(self._random.randint(1, 3)):
            world.fire()

    def _start(self) -> None:
        if len(self._world.living()) < self._world.plan.max_processes:
            self._world.start()

    def _kill(self) -> None:
        if process := self._anyone():
            self._world.note(process, Happening.KILLED)
            process.die()

    def _stop(self) -> None:
        """Ask a process to stop: it takes no more, and ends when nothing is in flight."""
        if process := self._anyone():
            process.pulling = False
            self._world.note(process, Happening.TOLD_TO_STOP)

    def _pause(self) -> None:
        if process := self._anyone():
            process.paused = not process.paused
            self._world.note(process, Happening.PAUSED if process.paused else Happening.RESUMED)

    def _anyone(self) -> Process | None:
        living = self._world.living()
        return self._random.choice(living) if living else None
