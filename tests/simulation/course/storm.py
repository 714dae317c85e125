"""A storm: traffic and faults in an order drawn at random."""

from __future__ import annotations

import itertools
from collections import deque
from typing import TYPE_CHECKING

from tests.simulation.trace import Happening

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tests.simulation.course.traffic import Input
    from tests.simulation.world.instance import Instance
    from tests.simulation.world.world import World

_SHORT_S = (0.01, 0.1, 0.5, 0.5, 1.5)
_LONG_S = (3.5, 4.5, 9.0)
"""More than a lease, more than three."""


class Storm:
    """Puts inputs into the log while everything goes wrong that can."""

    def __init__(self, world: World, inputs: Iterable[Input]) -> None:
        """Gather; ``rage`` lets it break loose."""
        self._world = world
        self._random = world.random
        self._inputs = deque(inputs)
        troubles = world.plan.troubles
        weighted: list[tuple[Callable[[], None], float]] = [
            (self._put, 6.0),
            (self._pass_time, 8.0),
            (self._pass_much_time, 0.8),
            (self._start, troubles.start),
            (self._kill, troubles.kill),
            (self._stop, troubles.stop),
            (self._pause, troubles.pause),
            (self._split, troubles.split),
            (self._store_away, troubles.store_away),
            (self._broker_away, troubles.broker_away),
            (self._lose_tail, troubles.lose_tail),
            (self._renew, troubles.renew),
            (self._discard, troubles.discard),
            (self._rewind, troubles.rewind),
            (world.purging.begin, troubles.purge),
        ]
        self._actions = [action for action, _ in weighted]
        self._bounds = list(itertools.accumulate(weight for _, weight in weighted))

    def rage(self) -> None:
        """Go on until everything is put in, and a while longer."""
        world = self._world
        while len(world.living()) < world.plan.instances:
            world.start()
            if world.chance(0.5):
                self._pass_time()
        turns = len(self._inputs) + self._random.randint(5, 30)
        while self._inputs or turns > 0:
            turns -= 1
            if not world.living():
                world.start()
            [action] = self._random.choices(self._actions, cum_weights=self._bounds)
            action()
            world.watch.raise_violation()

    def _put(self) -> None:
        for _ in range(min(len(self._inputs), self._random.randint(1, 4))):
            self._world.put(self._inputs.popleft())

    def _renew(self) -> None:
        """Have the stream made anew, now and then between two steps of who purges it."""
        if self._world.plan.troubles.purge and self._world.chance(0.5):
            self._world.purging.begin()
        self._world.broker.renew()

    def _pass_time(self) -> None:
        self._world.run(self._random.choice(_SHORT_S))

    def _pass_much_time(self) -> None:
        """Enough for a lease to end, or for idle users to leave memory."""
        idle_s = self._world.plan.settings.idle_timeout_s
        self._world.run(self._random.choice((*_LONG_S, min(idle_s, 6.0))))

    def _start(self) -> None:
        if len(self._world.living()) < self._world.plan.instances:
            self._world.start()

    def _kill(self) -> None:
        instance = self._anyone()
        self._world.note(instance, Happening.KILLED)
        self._world.kill(instance)

    def _stop(self) -> None:
        instance = self._anyone()
        if not (instance.stopping or instance.paused):
            self._world.note(instance, Happening.TOLD_TO_STOP)
            instance.stop()

    def _pause(self) -> None:
        """Send SIGSTOP, or SIGCONT."""
        instance = self._anyone()
        if instance.paused:
            instance.resume()
            return
        if self._world.chance(0.7):
            instance = self._put_until_somebody_works()
        instance.pause()
        if self._world.chance(0.7):
            self._put()
            self._world.run(self._random.choice((0.05, 1.0, 2.5, *_LONG_S)))
            instance.resume()

    def _split(self) -> None:
        """Keep an instance that works from beating: others take over while it goes on."""
        instance = self._put_until_somebody_works()
        away_s = self._random.choice((4.5, 6.0, 9.0))
        self._world.note(instance, Happening.HOMES_AWAY, away_s)
        instance.links[1].away_until_s = self._world.time.now_s + away_s
        self._world.run(self._random.choice((1.0, 3.5, 4.2)))
        for _ in range(self._random.randint(1, 4)):
            self._put()
            self._world.run(self._random.choice((0.02, 0.3, 1.0)))

    def _put_until_somebody_works(self) -> Instance:
        """Put something in, and return who holds the most of it a moment later."""
        self._put()
        self._world.run(self._random.choice((0.005, 0.02, 0.1)))
        living = self._world.living()
        if not living:
            self._world.start()
        return max(self._world.living(), key=lambda one: one.bus.intake.size)

    def _store_away(self) -> None:
        """Let MongoDB be out of reach for some, or for all, as in an election; or beats only."""
        away_s = self._random.choice((0.5, 2.0, 4.0, 10.0))
        users_too = self._world.chance(0.5)
        for instance in self._some():
            what = Happening.STORE_AWAY if users_too else Happening.HOMES_AWAY
            self._world.note(instance, what, away_s)
            for link in instance.links if users_too else instance.links[1:]:
                link.away_until_s = self._world.time.now_s + away_s

    def _broker_away(self) -> None:
        away_s = self._random.choice((0.5, 2.0, 4.0, 10.0))
        for instance in self._some():
            self._world.note(instance, Happening.BROKER_AWAY, away_s)
            instance.bus.go_away(away_s)

    def _lose_tail(self) -> None:
        standing = [entry.sequence for entry in self._world.ledger.standing()]
        if standing:
            lost = self._random.randint(0, min(8, len(standing)))
            self._world.broker.lose_tail(standing[-1] - lost)

    def _discard(self) -> None:
        standing = [entry.sequence for entry in self._world.ledger.standing()]
        if standing:
            self._world.broker.discard(self._random.choice(standing))

    def _rewind(self) -> None:
        self._world.broker.rewind()

    def _some(self) -> list[Instance]:
        living = self._world.living()
        return living if self._world.chance(0.3) else [self._anyone()] if living else []

    def _anyone(self) -> Instance:
        living = self._world.living()
        return self._random.choice(living)
