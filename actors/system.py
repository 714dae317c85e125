"""The actor system: who runs where, who knows whom, in which order they start and stop."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from actors.checkpoints.checkpointer import CheckpointActor
from actors.checkpoints.recovery import RecoveryActor
from actors.checkpoints.store_caller import StoreCaller
from actors.homes.actor import HomeActor
from actors.homes.noting import Noting
from actors.homes.ports import HomePorts
from actors.publisher import PublisherActor
from actors.router.actor import RouterActor
from actors.rules.alarms import Retention
from actors.tally import CoreTally, HomeTally
from actors.user.actor import UserActor
from actors.user.context import UserContext

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from random import Random

    from pykka import ActorRef

    from actors.ports import (
        Acknowledger,
        CheckpointStore,
        Clock,
        DigestPublisher,
        HomeStore,
        LogReading,
        Nudging,
    )
    from actors.rules.alarms import UserID
    from actors.rules.digest import DigestID
    from actors.rules.partitions import Instance
    from actors.runtime.pooled import Dispatcher, Scheduler
    from actors.settings import CoreSettings


@dataclass(frozen=True, slots=True)
class Dispatchers:
    """What runs the actors, all on one thread."""

    shared: Dispatcher
    first: Dispatcher
    """For what somebody waits for: the way of a digest, and the signs of life."""
    scheduler: Scheduler
    begin: Callable[[Coroutine[Any, Any, None]], None]
    """Has a coroutine run, on that thread: a call of a store."""


@dataclass(frozen=True, slots=True)
class Ports:
    """The outside, as the actors see it."""

    store: CheckpointStore
    publisher: DigestPublisher
    acknowledger: Acknowledger
    clock: Clock
    random: Random
    new_digest_id: Callable[[], DigestID]
    tally: CoreTally = field(default_factory=CoreTally)
    home_tally: HomeTally = field(default_factory=HomeTally)


@dataclass(frozen=True, slots=True)
class Homes:
    """What there is besides where partitions have homes: on a log, that is."""

    me: Instance
    """Beat, leaving and reading are of no account."""
    store: HomeStore
    log: LogReading
    nudging: Nudging


class Actors(NamedTuple):
    """Those that the outside talks to."""

    router: ActorRef[RouterActor]
    home: ActorRef[HomeActor] | None
    """None where every user is at home here."""


def start_actors(
    dispatchers: Dispatchers,
    ports: Ports,
    settings: CoreSettings,
    escalate: Callable[[str], None],
    homes: Homes | None = None,
) -> Actors:
    """Start the service actors, those that are depended on first.

    ``escalate`` is called, on any thread, when one of them crashes.
    """
    scheduler, random = dispatchers.scheduler, ports.random
    shared = dispatchers.shared

    def start_checkpointer(on: Dispatcher) -> ActorRef[CheckpointActor]:
        store = StoreCaller.start(on, escalate, ports.store, dispatchers.begin)
        return CheckpointActor.start(
            on, escalate, settings, store, ports.acknowledger, scheduler, random
        )

    checkpointer = start_checkpointer(shared)
    urgent_checkpointer = start_checkpointer(dispatchers.first)
    loader = StoreCaller.start(shared, escalate, ports.store, dispatchers.begin)
    recovery = RecoveryActor.start(shared, escalate, settings, loader, scheduler, random)
    publisher = PublisherActor.start(
        dispatchers.first,
        escalate,
        settings,
        ports.publisher,
        scheduler,
        ports.clock,
        random,
        ports.tally,
        guarded=homes is not None,
    )
    router = RouterActor(
        shared,
        escalate,
        settings,
        checkpointer,
        ports.acknowledger,
        scheduler,
        ports.clock,
        random,
        ports.tally,
        on_log=homes is not None,
    )
    context = UserContext(
        settings,
        router.actor_ref,
        checkpointer,
        urgent_checkpointer,
        recovery,
        publisher,
        ports.acknowledger,
        ports.clock,
        ports.new_digest_id,
        Retention(settings.cleared_retention_s),
        ports.tally,
        alarm_share=settings.alarm_share,
    )

    def spawn(user_id: UserID) -> ActorRef[Any]:
        return UserActor.start(shared, user_id, context)

    router.spawn_users_with(spawn)
    router_ref = router.begin()
    home = None
    if homes is not None:
        outside = HomePorts(
            homes.store, dispatchers.begin, homes.log, homes.nudging, ports.clock, scheduler
        )
        home = HomeActor.start(
            dispatchers.first,
            escalate,
            settings.lease_s,
            homes.me,
            outside,
            router_ref,
            publisher,
            ports.home_tally,
        )
        homes.log.note_with(Noting(home, settings.max_attempts))
    return Actors(router_ref, home)
