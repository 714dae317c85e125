"""One simulated process of the service: its actors, its dispatchers, its bus."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pykka import ActorRegistry

from actors.messages.router import Tick
from actors.router.actor import RouterActor
from actors.rules.digest import DigestID
from actors.runtime.pooled import Mailbox
from actors.runtime.simulated import SimulatedDispatcher, run_to_the_end
from actors.system import Dispatchers, Ports, start_actors
from store.users.memory import PromptStore
from tests.simulation.faults import POISON, StormyBus, StormyStore

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pykka import ActorRef

    from actors.messages.router import RouteDeliveries
    from actors.runtime.pooled import PooledActor
    from tests.simulation.world import World

MAX_IN_FLIGHT = 12


class PoisonedError(Exception):
    """Raised by a poisoned clock or id source, to crash the user actor that asked."""


class Process:
    """What dies together. Actors that block have a dispatcher each, as in production."""

    def __init__(self, world: World, number: int) -> None:
        """Start the actors; they run when stepped."""
        self._world = world
        self.number = number
        self.alive = True
        self.pulling = True
        self.paused = False
        self.ticks = 0
        """How often its router asked to be told of the next checkpoint interval."""
        self.entered: dict[int, int] = {}
        """When a message was taken, by sequence: a count of those taken."""
        self._taken = 0
        random, clock = world.random, world.clock
        self.shared, self.saver, self.urgent, self.loader = (
            SimulatedDispatcher(random, clock) for _ in range(4)
        )
        self.dispatchers = (self.shared, self.saver, self.urgent, self.loader)
        self.bus = StormyBus(world, self, self._deliver)
        store = PromptStore(StormyStore(world, self))
        self._router = start_actors(
            Dispatchers(
                self.shared,
                self.shared,
                self.saver,
                self.urgent,
                self.loader,
                self,
                run_to_the_end,
            ),
            Ports(store, self.bus, self.bus, self, random, self._new_digest_id),
            world.plan.settings,
            lambda reason: world.watch.fail(f"escalated: {reason}"),
        )

    def __str__(self) -> str:
        return f"p{self.number}"

    def tell_after(self, delay_s: float, ref: ActorRef[Any], message: object) -> None:
        """See ``Scheduler``."""
        if type(message) is Tick:
            self.ticks += 1
            self._world.ticked(self)

        def tell() -> None:
            if ref.is_alive():
                ref.tell(message)

        self._world.call_after(delay_s, self, tell)

    def monotonic_s(self) -> float:
        """See ``Clock``."""
        return self._world.clock.monotonic_s()

    def wall_s(self) -> int:
        """See ``Clock``; poisoned, it crashes the actor that asks."""
        self._poison("clock")
        return self._world.clock.wall_s()

    def _new_digest_id(self) -> DigestID:
        self._poison("digest id")
        return DigestID(f"d{self._world.random.getrandbits(48):012x}")

    def _poison(self, what: str) -> None:
        if self._world.poisoned(self, what):
            raise PoisonedError(f"{POISON} in the {what}")

    @property
    def in_flight(self) -> int:
        """Messages taken and not settled."""
        return self.bus.intake.size

    @property
    def router(self) -> RouterActor:
        """The router itself, to look inside."""
        mailbox = self._router.actor_inbox
        assert isinstance(mailbox, Mailbox)
        assert isinstance(mailbox.actor, RouterActor)
        return mailbox.actor

    def live_users(self) -> int:
        """User actors in memory."""
        router = self.router
        return len(router._live) + len(router._leaving)

    def holds(self, sequence: int) -> bool:
        """Whether a message is taken and not settled."""
        intake = self.bus.intake
        held = intake.held_since(intake.last_token)
        return any(message.sequence == sequence for message in held)

    def take(self, sequences: Iterable[int]) -> None:
        """Take messages from the broker."""
        sequences = list(sequences)
        for sequence in sequences:
            if not self.holds(sequence):
                self._taken += 1
                self.entered[sequence] = self._taken
        self.bus.deliver(sequences)

    def _deliver(self, deliveries: RouteDeliveries) -> None:
        self._router.tell(deliveries)

    def ready(self) -> list[SimulatedDispatcher | StormyBus]:
        """Return what can be stepped now; who is blocked in a call cannot."""
        running = self._world.running
        ready: list[SimulatedDispatcher | StormyBus] = [
            dispatcher
            for dispatcher in self.dispatchers
            if dispatcher._ready and dispatcher not in running
        ]
        if self.bus.calls:
            ready.append(self.bus)
        return ready

    def die(self) -> None:
        """Lose all that is in memory, at once."""
        self.alive = self.pulling = False
        self.bus.calls.clear()
        for ref in self._services():
            ActorRegistry.unregister(ref)

    def stop(self) -> None:
        """End in order; nothing is in flight."""
        for ref in self._services():
            ref.stop(block=False)
        while ready := self.ready():
            ready[0].step()
        if left := self._services():
            self._world.watch.fail(f"{self} left actors behind: {left}")
        self.die()

    def service_actors(self) -> list[PooledActor]:
        """Return router, checkpointers, recovery and publisher, to look inside."""
        mailboxes = [ref.actor_inbox for ref in self._services()]
        return [box.actor for box in mailboxes if isinstance(box, Mailbox) and box.actor]

    def _services(self) -> list[ActorRef[Any]]:
        return [
            ref
            for ref in ActorRegistry.get_all()
            if getattr(ref.actor_inbox, "dispatcher", None) in self.dispatchers
        ]
