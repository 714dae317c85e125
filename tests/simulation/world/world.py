"""The simulated world: the servers, the instances that share them, and time, all from one seed."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from actors.ports import NEVER_SAVED, Checkpoint, Unreadable
from store.homes.memory import InMemoryHomeStore
from store.users.memory import InMemoryCheckpointStore
from tests.simulation.oracle import bounds
from tests.simulation.oracle.ledger import Ledger
from tests.simulation.oracle.watch import Watch
from tests.simulation.trace import Happening, Trace
from tests.simulation.world.broker import Broker
from tests.simulation.world.instance import Instance
from tests.simulation.world.producers import Producers
from tests.simulation.world.purging import Purging
from tests.simulation.world.time import Time

if TYPE_CHECKING:
    from random import Random

    from actors.rules.alarms import UserID
    from tests.simulation.course.plan import Plan
    from tests.simulation.course.traffic import Input
    from tests.simulation.world.link import StoreLink


class World:
    """What a history happens in. The same seed gives the same, to the last entry of the trace."""

    def __init__(self, plan: Plan, random: Random) -> None:
        """Lay out the servers; nothing runs yet."""
        self.plan = plan
        self.random = random
        self.weather = plan.weather
        self.time = Time()
        self.trace = Trace()
        self.users = InMemoryCheckpointStore()
        self.homes = InMemoryHomeStore()
        self.ledger = Ledger("log 1")
        self.watch = Watch(plan, self.time, self.ledger, self.homes, self.checkpoint, self.note)
        self.broker = Broker(self)
        self.producers = Producers(self)
        self.purging = Purging(self)
        self.read: set[int] = set()
        """Numbers of the entries that some instance was given."""
        self.links: list[StoreLink] = []
        """Of all instances that ever were."""
        self._instances: list[Instance] = []
        self._numbers = itertools.count(1)
        self._poison = self.plan.poison
        for circumstances in plan.told():
            self.note("-", Happening.BEGUN, circumstances)

    def chance(self, likelihood: float) -> bool:
        """Draw whether something happens."""
        return likelihood > 0 and self.random.random() < likelihood

    def note(self, who: object, what: Happening, *details: object, times: int = 1) -> None:
        """Add to the trace."""
        self.trace.note(self.time.now_s, who, what, *details, times=times)

    def checkpoint(self, user_id: UserID) -> Checkpoint:
        """Return what is stored of a user."""
        found = self.users.load([user_id]).get(user_id, NEVER_SAVED)
        assert not isinstance(found, Unreadable)
        return found

    def poisoned(self, who: object, what: str, at_least: float = 0.0) -> bool:
        """Draw whether what is asked for now is poison, in a history that has any."""
        likelihood = self.weather.poison and max(self.weather.poison, at_least)
        if not self._poison or not self.chance(likelihood):
            return False
        self._poison -= 1
        self.note(who, Happening.POISONED, what)
        return True

    def living(self) -> list[Instance]:
        """Return the instances that live, the oldest first."""
        return self._instances

    def put(self, message: Input) -> None:
        """Have a producer send a message."""
        if self.plan.core:
            self.producers.send(message)
        else:
            self.broker.put(message)

    def start(self) -> None:
        """Start an instance."""
        instance = Instance(self, next(self._numbers))
        self._instances = [*self._instances, instance]
        self.note(instance, Happening.STARTED)

    def kill(self, instance: Instance) -> None:
        """End an instance where it is."""
        self._instances = [one for one in self._instances if one is not instance]
        instance.die()
        self.producers.died(instance)

    def run(self, duration_s: float) -> None:
        """Let so much time pass, and everybody do what is to be done, in an order drawn."""
        end_s = self.time.now_s + duration_s
        random, sluggish = self.random, self.weather.sluggish
        while self.watch.violation is None:
            ready = []
            for instance in self._instances:
                if instance.stopping and instance.has_stopped:
                    self._end(instance)
                elif instance.ready:
                    ready.append(instance)
            if ready and not self.chance(sluggish):
                instance = ready[0] if len(ready) == 1 else random.choice(ready)
                instance.step()
            elif self.time.next_at_s() <= end_s:
                self.time.go_on()
            else:
                break
        self.time.now_s = max(self.time.now_s, end_s)
        self.watch.raise_violation()

    def _end(self, instance: Instance) -> None:
        """End an instance that was asked to stop and has nothing left to do."""
        self.note(instance, Happening.ENDED)
        instance.end()
        self.kill(instance)

    def ticked(self, instance: Instance) -> None:
        """Check what an instance keeps in memory when its router has ticked."""
        for complaint in bounds.complaints_after_tick(instance, self.plan.settings):
            self.watch.fail(complaint)
