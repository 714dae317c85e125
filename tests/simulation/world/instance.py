"""One simulated instance of the service: its actors, its clock, its connections."""

from __future__ import annotations

from collections import deque
from functools import partial
from typing import TYPE_CHECKING, Any

from pykka import ActorRegistry

from actors.messages.home import LeaveHomes, LookSoon, PositionsFell
from actors.messages.router import Tick
from actors.router.actor import RouterActor
from actors.rules.digest import DigestID
from actors.rules.partitions import Instance as Member
from actors.rules.partitions import InstanceID
from actors.runtime.pooled import Mailbox, tell_if_alive
from actors.runtime.simulated import ManualClock, SimulatedDispatcher
from actors.system import Dispatchers, Homes, Ports, start_actors
from store.users.document import SCHEMA
from tests.simulation.trace import Happening
from tests.simulation.world.bus import InstanceBus
from tests.simulation.world.calls import Calls
from tests.simulation.world.homes import StormyHomes
from tests.simulation.world.link import StoreLink
from tests.simulation.world.poison import POISON, PoisonedError
from tests.simulation.world.time import OwnClock
from tests.simulation.world.users import StormyUsers

if TYPE_CHECKING:
    from collections.abc import Callable

    from pykka import ActorRef

    from tests.simulation.world.world import World

LEAVING_PATIENCE_S = 20.0


class Instance:
    """What dies together. Whatever it does, it does when it is stepped; paused, it does nothing."""

    def __init__(self, world: World, number: int) -> None:
        """Start the actors; they run when stepped."""
        self._world = world
        self.number = number
        self.instance_id = InstanceID(f"i{number}")
        self.paused = False
        self.stopping = False
        self._has_left = False
        self.ticks = 0
        """How often its router asked to be told of the next tick."""
        self._alive = True
        self._arrived: deque[Callable[[], None]] = deque()
        random = world.random
        self.clock = OwnClock(
            world.time,
            random.choice((0.0, 1000.0)),
            random.choice((1.0, 1.0, 0.97, 1.03)),
            random.choice((0.0, 0.0, -1.0, 1.0)),
        )
        self.dispatcher = SimulatedDispatcher(random, ManualClock())
        self.calls = Calls(self.happen)
        self.links = (StoreLink(world, self), StoreLink(world, self))
        """To the stores of users and of homes: who does not beat may save."""
        self.bus = InstanceBus(world, self)
        self.users = StormyUsers(world, self, self.links[0])
        self.homes = StormyHomes(world, self, self.links[1])
        self._router, self._home = self._start()
        self.services = [
            mailbox.actor
            for ref in self._service_refs()
            if isinstance(mailbox := ref.actor_inbox, Mailbox) and mailbox.actor is not None
        ]
        """Its actors but for the users, to look inside."""
        [self.router] = [one for one in self.services if isinstance(one, RouterActor)]
        self.bus.connect(self._router, self._positions_fell)

    def __str__(self) -> str:
        return self.instance_id

    def _start(self) -> tuple[ActorRef[Any], ActorRef[Any] | None]:
        """Start the actors as the service does; return router and, on a log, home."""
        on, plan = self.dispatcher, self._world.plan
        me = Member(
            self.instance_id,
            name=str(self),
            beat=0,
            leaving=False,
            reading=False,
            schema=SCHEMA,
            address=None,
            version="simulated",
            started_at_s=0,
        )
        actors = start_actors(
            Dispatchers(on, on, self, self.calls.begin),
            Ports(self.users, self.bus, self.bus, self, self._world.random, self.new_digest_id),
            plan.settings,
            self.escalate,
            None if plan.core else Homes(me, self.homes, self.bus.reader, self),
        )
        return actors.router, actors.home

    def _service_refs(self) -> list[ActorRef[Any]]:
        return [
            ref
            for ref in ActorRegistry.get_all()
            if getattr(ref.actor_inbox, "dispatcher", None) is self.dispatcher
        ]

    # Time and what comes from outside.

    def happen(self, action: Callable[[], None]) -> None:
        """Have something happen in this instance, once it is stepped."""
        if self._alive:
            self._arrived.append(action)

    def call_after(self, delay_s: float, action: Callable[[], None]) -> None:
        """Do ``action`` once so much time has passed by its own clock."""
        self._world.time.call_after(delay_s / self.clock.rate, lambda: self.happen(action))

    def tell_after(self, delay_s: float, ref: ActorRef[Any], message: object) -> None:
        """See ``Scheduler``."""
        if type(message) is Tick:
            self.ticks += 1
            self._world.ticked(self)
        self.call_after(delay_s, lambda: tell_if_alive(ref, message))

    @property
    def ready(self) -> bool:
        """Whether it has something to do, and may do it."""
        return not self.paused and bool(self._arrived or self.dispatcher._ready)

    def step(self) -> None:
        """Take in what has arrived, or let an actor handle one message."""
        arrived = self._arrived
        if arrived and (not self.dispatcher._ready or self._world.random.random() < 0.5):
            arrived.popleft()()
        else:
            self.dispatcher.step()

    def pause(self) -> None:
        """Be stopped by a signal; all that comes waits."""
        self.paused = True
        self._world.note(self, Happening.PAUSED)

    def resume(self) -> None:
        """Go on; the clock went on all the while."""
        self.paused = False
        self._world.note(self, Happening.RESUMED)

    # What the actors ask of it.

    def monotonic_s(self) -> float:
        """See ``Clock``."""
        return self.clock.monotonic_s()

    def wall_s(self) -> int:
        """See ``Clock``; poisoned, it crashes the actor that asks."""
        self._be_poisoned("clock")
        return self.clock.wall_s()

    def new_digest_id(self) -> DigestID:
        """Return an id that nobody else has."""
        self._be_poisoned("digest id")
        return DigestID(f"d{self._world.random.getrandbits(48):012x}")

    def nudge(self) -> None:
        """See ``Nudging``: over the broker, to all others, perhaps."""
        world = self._world
        for other in world.living():
            if other is self or self.bus.away or other.bus.away:
                continue
            if world.chance(world.weather.nudge_lost):
                world.note(self, Happening.NUDGE_LOST)
                continue
            delay_s = world.random.choice((0.001, 0.001, 1.0))
            world.time.call_after(delay_s, partial(other.happen, other.look_soon))

    def look_soon(self) -> None:
        """Be nudged."""
        if self._home is not None:
            tell_if_alive(self._home, LookSoon())

    def escalate(self, reason: str) -> None:
        """Fail: no service actor may crash."""
        self._world.watch.fail(f"{self} escalated: {reason}")

    def _positions_fell(self, positions: Any) -> None:
        if self._home is not None:
            tell_if_alive(self._home, PositionsFell(positions))

    def _be_poisoned(self, what: str) -> None:
        if self._world.poisoned(self, what):
            raise PoisonedError(f"{POISON} in the {what}")

    # Its end.

    def stop(self) -> None:
        """Begin to stop in order: hand over what is at home here, or take no more."""
        self.stopping = True
        if self._home is not None:
            tell_if_alive(self._home, LeaveHomes(self._left, LEAVING_PATIENCE_S))

    def _left(self, unfinished: int) -> None:
        del unfinished  # the end is not waited for
        self.bus.reader.close()
        self._has_left = True

    @property
    def has_stopped(self) -> bool:
        """Whether all is done that an orderly stop has to do, but for the end."""
        if self._home is not None:
            return self._has_left
        return self.stopping and not (self.paused or self._arrived or self.bus.intake.size)

    def end(self) -> None:
        """Stop the actors, in order; nobody may be left."""
        for ref in self._service_refs():
            ref.stop(block=False)
        while self.ready:
            self.step()
        if left := self._service_refs():
            self._world.watch.fail(f"{self} left actors behind: {left}")

    def die(self) -> None:
        """Lose all that is in memory, at once."""
        self._alive = False
        self._arrived.clear()
        self.calls.die()
        self.bus.die()
        for actor in self.services:
            ActorRegistry.unregister(actor.actor_ref)
