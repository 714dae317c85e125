"""Failing twins: the store, the broker and the bus of a simulated process, in bad weather."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from actors.errors import PublishFailedError, StoreUnavailableError
from actors.ports import SaveOutcome
from bus.memory import InMemoryBroker, InMemoryBus, Published
from tests.simulation.history import MAX_BODY_BYTES, SUBJECTS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from actors.alarms import UserID
    from actors.digest import Digest
    from actors.messages import Deliveries
    from actors.ports import Checkpoint, CheckpointUpdate, DeliveryToken, Unreadable, Unsavable
    from bus.intake import Message
    from tests.simulation.checks import Watch
    from tests.simulation.process import Process
    from tests.simulation.world import World

PUBLISH_TIMEOUT_S = 5.0


class StormyStore:
    """One process's connection to the store. Slow calls let the others go on meanwhile."""

    def __init__(self, world: World, process: Process) -> None:
        """Connect to the world's store."""
        self._world = world
        self._process = process

    def load(self, user_ids: Sequence[UserID]) -> Mapping[UserID, Checkpoint | Unreadable]:
        """See ``CheckpointStore``."""
        world, process = self._world, self._process
        world.interlude()
        if world.chance(world.weather.load_fails):
            world.note(process, "load failed", *user_ids)
            raise StoreUnavailableError("no answer to a load")
        loaded = world.store.load(user_ids)
        for user_id in user_ids:
            found = loaded.get(user_id)
            world.note(process, "loaded", user_id, f"v{getattr(found, 'version', 0)}")
        world.interlude()
        return loaded

    def save(self, updates: Sequence[CheckpointUpdate]) -> Sequence[SaveOutcome | Unsavable]:
        """See ``CheckpointStore``."""
        world, process, weather = self._world, self._process, self._world.weather
        world.interlude()
        # The write may have reached the server before its process died, or not.
        if world.chance(weather.save_fails) or (not process.alive and world.chance(0.5)):
            world.note(process, "save failed", *(update.user_id for update in updates))
            raise StoreUnavailableError("no answer to a save")
        outcomes: list[SaveOutcome | Unsavable] = []
        for update in updates:
            before = world.checkpoint(update.user_id)
            [outcome] = world.store.save([update])
            version = f"v{update.base_version + 1}"
            world.note(process, "save", update.user_id, version, getattr(outcome, "name", outcome))
            if outcome is SaveOutcome.SAVED:
                world.watch.saved(process, update, before, world.checkpoint(update.user_id))
            outcomes.append(outcome)
        world.interlude()
        if world.chance(weather.save_fails_late):
            world.note(process, "save's answer lost", *(update.user_id for update in updates))
            raise StoreUnavailableError("no answer to a save, which took effect")
        return outcomes


@dataclass(slots=True)
class StormyBroker(InMemoryBroker):
    """A broker that may lose an acknowledgement on its way, and is watched."""

    watch: Watch | None = None
    lose_ack: Callable[[], bool] | None = None
    stray: set[int] = field(default_factory=set)
    """Sequences whose acknowledgement was lost at least once."""

    def acknowledge(self, message: Message) -> None:
        """See ``InMemoryBroker``."""
        assert self.watch is not None
        assert self.lose_ack is not None
        self.watch.acknowledged(message)
        if self.lose_ack():
            self.stray.add(message.sequence)
            return
        InMemoryBroker.acknowledge(self, message)

    def publish(self, published: Published) -> None:
        """See ``InMemoryBroker``."""
        assert self.watch is not None
        known = len(self.published)
        InMemoryBroker.publish(self, published)
        if len(self.published) > known:
            self.watch.published(published)


class StormyBus(InMemoryBus):
    """One process's connection to the broker, and the crossing between actors and bus.

    Calls of the actors wait in ``calls`` until the process's bus is stepped, as on the real bus,
    which has a thread of its own. A publication may fail, be late, or lose its answer; it may
    reach the broker after its process has died.
    """

    def __init__(
        self, world: World, process: Process, deliver: Callable[[Deliveries], None]
    ) -> None:
        """Connect to the world's broker."""
        super().__init__(
            world.broker,
            SUBJECTS,
            deliver,
            lambda delay_s, action: world.call_after(delay_s, process, action),
            world.clock.wall_s,
            MAX_BODY_BYTES,
        )
        self._world = world
        self._process = process
        self.calls: deque[tuple[Callable[..., None], tuple[Any, ...]]] = deque()

    def acknowledge(self, tokens: Iterable[DeliveryToken]) -> None:
        """See ``Acknowledger``."""
        self.calls.append((super().acknowledge, (tokens,)))

    def dead_letter(self, tokens: Iterable[DeliveryToken], reason: str) -> None:
        """See ``Acknowledger``."""
        self.calls.append((super().dead_letter, (tokens, reason)))

    def publish(self, digest: Digest, settled: Callable[[PublishFailedError | None], None]) -> None:
        """See ``DigestPublisher``."""
        self.calls.append((super().publish, (digest, settled)))

    def step(self) -> None:
        """Carry out the oldest call."""
        function, arguments = self.calls.popleft()
        function(*arguments)

    def send(
        self,
        subject: str,
        body: bytes,
        headers: Mapping[str, str],
        settled: Callable[[PublishFailedError | None], None],
    ) -> None:
        """See ``Transport``."""
        world, process, weather = self._world, self._process, self._world.weather
        if not process.alive:
            return
        world.may_crash(process)

        def arrive() -> None:
            super(StormyBus, self).send(subject, body, headers, answer)

        def answer(error: PublishFailedError | None) -> None:
            if process.alive and not lost:
                settled(error)

        def give_up() -> None:
            settled(PublishFailedError("no answer in time"))

        name = headers.get("Nats-Msg-Id", "")
        fails = world.chance(weather.publish_fails)
        lost = world.chance(weather.publish_ack_lost)
        slow = world.chance(weather.publish_slow) or not process.alive
        if fails or lost:
            world.note(process, "publication lost" if fails else "publication's answer lost", name)
            world.call_after(PUBLISH_TIMEOUT_S, process, give_up)
        if fails:
            lost = True
            return
        if slow:
            world.travel(world.random.choice((0.01, 1.0, 7.0)), arrive)
        else:
            arrive()

    def _settle(self, messages: list[Message], rejection: str | None) -> None:
        world, process = self._world, self._process
        for message in messages:
            if not process.alive:
                return
            if rejection is not None:
                world.watch.rejected(message, rejection)
            world.note(process, "acknowledged", f"#{message.sequence}")
            world.broker.acknowledge(message)
            world.may_crash(process)
