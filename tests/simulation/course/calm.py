"""Calm: no faults any more, until everything has come to rest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.simulation.course.plan import Weather
from tests.simulation.oracle.bounds import live_users, unfinished
from tests.simulation.trace import Happening
from tests.simulation.world.instance import LEAVING_PATIENCE_S

if TYPE_CHECKING:
    from tests.simulation.world.world import World

HOMES_WITHIN_S = 5.0
"""Once faults have stopped, every partition has one home that lives within this time."""

MOVES_CEASE_WITHIN_S = 12.0
"""And no partition moves any more after this: those that came last are given their share."""

REST_WITHIN_S = 60.0
"""And everything is settled: a narrow window that is full waits for no checkpoint interval."""

_STEP_S = 0.5
_PATIENT = 0.3
_TICKS = 2


class Calm:
    """Lets a world go on without faults."""

    def __init__(self, world: World) -> None:
        """Prepare; nothing happens yet."""
        self._world = world
        self._began_s = 0.0

    def settle(self) -> None:
        """End all faults, and wait until everything is settled and nothing moves."""
        world = self._world
        world.weather = Weather()
        world.note("-", Happening.CALMED)
        if all(instance.stopping for instance in world.living()):
            world.start()
        for instance in world.living():
            for link in instance.links:
                link.away_until_s = 0.0
            instance.bus.come_back()
            if instance.paused:
                instance.resume()
        # Who has died beats as long as its calls are on their way, who leaves keeps what it has.
        leaving_s = world.time.now_s + LEAVING_PATIENCE_S
        while world.time.now_s < leaving_s and (
            any(link.late for link in world.links) or any(one.stopping for one in world.living())
        ):
            world.run(_STEP_S)
        self._began_s = began_s = world.time.now_s
        # Moves that must have ceased are only seen by those who wait; most need not, it is slow.
        watched_s = HOMES_WITHIN_S if world.random.random() < _PATIENT else 0.0
        self._rest(began_s + watched_s)
        while self._unrest():
            # A position was lowered, and what is settled is read again.
            self._rest(began_s)
        if world.watch.homes.last_move_at_s > began_s + MOVES_CEASE_WITHIN_S:
            world.watch.fail("partitions go on moving")

    def end(self) -> None:
        """Let every user passivate, then stop all instances, in order."""
        world = self._world
        world.time.now_s += 1.1 * world.plan.settings.idle_timeout_s + 1.0
        self._began_s = world.time.now_s
        self._tick()
        world.run(3.0)
        for instance in world.living():
            if count := live_users(instance):
                world.watch.fail(f"{instance} keeps {count} idle users in memory")
            instance.stop()
        stopped_s = world.time.now_s
        while world.living():
            if world.time.now_s > stopped_s + REST_WITHIN_S:
                world.watch.fail(f"{[*map(str, world.living())]} did not end")
            world.run(_STEP_S)
        if not world.plan.core and (kept := self._at_home()):
            world.watch.fail(f"after all have left, partitions are at home: {kept}")
        world.watch.raise_violation()

    def _rest(self, until_s: float) -> None:
        """Wait until nothing is left to do, for so long at least; then let the routers tick."""
        world = self._world
        while (unrest := self._unrest()) or world.time.now_s < until_s:
            if world.time.now_s > self._began_s + REST_WITHIN_S:
                world.watch.fail(f"no rest after {REST_WITHIN_S} s: {unrest}")
            self._go_on()
        self._tick()

    def _go_on(self) -> None:
        world = self._world
        if not world.living():
            world.start()
        if world.plan.core and not self._works():
            world.producers.send_again()
        world.run(_STEP_S)
        overdue = world.time.now_s >= self._began_s + HOMES_WITHIN_S
        if overdue and not world.plan.core and (homeless := self._homeless()):
            world.watch.fail(f"{HOMES_WITHIN_S} s after the faults ended, {homeless}")
            world.watch.raise_violation()

    def _works(self) -> bool:
        return any(unfinished(instance) for instance in self._world.living())

    def _homeless(self) -> str:
        """Tell which partitions have no home that lives."""
        living = {instance.instance_id for instance in self._world.living()}
        partitions = self._world.watch.homes.view().partitions
        without = {one.number: one.home for one in partitions if one.home not in living}
        return f"partitions have no home: {without}" if without else ""

    def _at_home(self) -> list[int]:
        partitions = self._world.watch.homes.view().partitions
        return [one.number for one in partitions if one.home is not None]

    def _tick(self) -> None:
        """Let every instance's router tick a few times."""
        world, began_s = self._world, self._world.time.now_s
        ticks = {instance: instance.ticks + _TICKS for instance in world.living()}
        while late := [item for item in world.living() if item.ticks < ticks.get(item, 0)]:
            if world.time.now_s > began_s + REST_WITHIN_S:
                world.watch.fail(f"{late[0]}'s router does not tick")
            world.run(_STEP_S)

    def _unrest(self) -> str:
        """Tell what is still going on; empty when nothing is."""
        world = self._world
        unsettled = [entry for entry in world.ledger.standing() if not entry.settled]
        if unsettled and not world.plan.core:
            return f"{', '.join(map(str, unsettled))} not settled"
        if world.producers.waiting:
            return "producers wait"
        for instance in world.living():
            if left := unfinished(instance):
                return f"{instance} has {left} to do"
            if instance.stopping:
                return f"{instance} stops"
        if world.broker.travelling:
            return "publications"
        return "" if world.plan.core else self._homeless()
