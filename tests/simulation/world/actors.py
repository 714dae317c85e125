"""The actors of an instance, wired as the service wires them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from actors.homes.actor import HomeActor, HomePorts
from actors.publisher import PublisherActor
from actors.system import Dispatchers, Ports, start_actors
from actors.tally import HomeTally

if TYPE_CHECKING:
    from pykka import ActorRef

    from tests.simulation.world.instance import Instance
    from tests.simulation.world.world import World


def start_instance(
    world: World, instance: Instance
) -> tuple[ActorRef[Any], ActorRef[Any] | None]:
    """Start router, users' services and, on a log, the home; return router and home."""
    plan, on = world.plan, instance.dispatcher
    router = start_actors(
        Dispatchers(on, on, on, on, on, instance, instance.calls.begin),
        Ports(instance.users, instance.bus, instance.bus, instance, world.random, instance.new_digest_id),
        plan.settings,
        instance.escalate,
    )
    if plan.core:
        return router, None
    [publisher] = [a for a in instance.service_actors() if isinstance(a, PublisherActor)]
    publisher._until_s = float("-inf")
    home = HomeActor.start(
        on,
        instance.escalate,
        plan.lease_s,
        instance.member(),
        HomePorts(
            instance.homes, instance.calls.begin, instance.bus.reader, instance, instance, instance
        ),
        router,
        publisher.actor_ref,
        HomeTally(),
    )
    return router, home
