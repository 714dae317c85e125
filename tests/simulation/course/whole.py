"""A whole history: storms, each followed by a calm in which everything is looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.simulation.course.calm import Calm
from tests.simulation.course.storm import Storm
from tests.simulation.course.traffic import request
from tests.simulation.oracle import rest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.simulation.world.world import World


def let_happen(world: World) -> None:
    """Let the history of a world happen; raises ``InvariantViolationError``.

    A digest may be owed to the end of a phase whose request does not come again: because it became
    a dead letter, because the log lost it, or because core NATS brought it twice and one of the two
    was answered. The last requests make up for it.
    """
    plan = world.plan
    try:
        for phase in plan.phases:
            world.weather = plan.weather
            Storm(world, phase).rage()
            Calm(world).settle()
            _complain(world, rest.complaints)
            if not (plan.core or plan.poison or world.ledger.gaps):
                _complain(world, rest.debts)
            world.time.now_s += 2.0 * plan.settings.cleared_retention_s
        for user_id in plan.users:
            world.put(request(user_id))
        Calm(world).settle()
        for complaints in (rest.complaints, rest.debts, rest.untold):
            _complain(world, complaints)
        Calm(world).end()
    finally:
        for instance in world.living():
            instance.die()


def _complain(world: World, complaints: Callable[[World], Iterator[str]]) -> None:
    for complaint in complaints(world):
        world.watch.fail(complaint)
    world.watch.raise_violation()
