"""Failing twins: the store, the broker and the bus of a simulated process, in bad weather."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from actors.errors import PublishFailedError, StoreUnavailableError
from actors.ports import SaveOutcome, Unreadable, Unsavable
from bus.memory import InMemoryBroker, InMemoryBus
from tests.simulation.history import MAX_BODY_BYTES, SUBJECTS
from tests.simulation.trace import Happening

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from actors.messages import Deliveries
    from actors.ports import Checkpoint, CheckpointUpdate, DeliveryToken
    from actors.rejections import Rejection
    from actors.rules.alarms import UserID
    from actors.rules.digest import Digest
    from bus.inbound.intake import Message
    from bus.outbound.message import OutgoingMessage
    from tests.simulation.process import Process
    from tests.simulation.world import World

PUBLISH_TIMEOUT_S = 5.0

POISON = "poison"
"""In the reason of every dead letter that the weather is to blame for."""


class StormyStore:
    """One process's connection to the store. Slow calls let the others go on meanwhile."""

    def __init__(self, world: World, process: Process) -> None:
        """Connect to the world's store."""
        self._world = world
        self._process = process

    def load(self, user_ids: Sequence[UserID]) -> Mapping[UserID, Checkpoint | Unreadable]:
        """See ``CheckpointStore``."""
        world, process = self._world, self._process
        world.interlude(process)
        if world.chance(world.weather.load_fails):
            world.note(process, Happening.LOAD_FAILED, *user_ids)
            raise StoreUnavailableError("no answer to a load")
        loaded = dict(world.store.load(user_ids))
        for user_id in user_ids:
            found = loaded.get(user_id)
            version = f"v{getattr(found, 'version', 0)}"
            world.note(process, Happening.LOADED, user_id, version)
            if found is not None and world.poisoned(process, "checkpoint"):
                world.note(process, Happening.UNREADABLE, user_id)
                loaded[user_id] = Unreadable(f"{POISON} in the checkpoint")
        world.interlude(process)
        return loaded

    def save(self, updates: Sequence[CheckpointUpdate]) -> Sequence[SaveOutcome | Unsavable]:
        """See ``CheckpointStore``."""
        world, process, weather = self._world, self._process, self._world.weather
        users = [update.user_id for update in updates]
        world.interlude(process)
        # The write may have reached the server before its process died, or not.
        if world.chance(weather.save_fails) or (not process.alive and world.chance(0.5)):
            world.note(process, Happening.SAVE_FAILED, *users)
            raise StoreUnavailableError("no answer to a save")
        outcomes = [self._save(update) for update in updates]
        world.interlude(process)
        if world.chance(weather.save_fails_late):
            world.note(process, Happening.SAVE_ANSWER_LOST, *users)
            raise StoreUnavailableError("no answer to a save, which took effect")
        return outcomes

    def _save(self, update: CheckpointUpdate) -> SaveOutcome | Unsavable:
        world, process, user_id = self._world, self._process, update.user_id
        outbox = None if update.cursor is None else update.cursor.outbox
        # A large digest is what a store is likeliest to refuse.
        likely = 0.9 if outbox is not None and len(outbox.items) > 1 else 0.0
        if world.poisoned(process, "update", at_least=likely):
            world.note(process, Happening.SAVE_REFUSED, user_id)
            return Unsavable(f"{POISON} in the update")
        before = world.checkpoint(user_id)
        [outcome] = world.store.save([update])
        saved = outcome is SaveOutcome.SAVED
        what = Happening.SAVED if saved else Happening.CONFLICTED
        world.note(process, what, user_id, f"v{update.base_version + 1}")
        if saved:
            world.watch.saved(process, update, before, world.checkpoint(user_id))
        return outcome


class StormyBroker(InMemoryBroker):
    """A broker that may lose an acknowledgement on its way, and is watched."""

    def __init__(self, world: World) -> None:
        """Serve a world, at first with empty streams."""
        super().__init__(world.plan.max_payload_bytes)
        self._world = world
        self._sent = 0

    def message(self, sequence: int) -> Message:
        """See ``InMemoryBroker``; on core NATS what is sent again is another message."""
        message = super().message(sequence)
        if not self._world.plan.core:
            return message
        self._sent += 1
        return message._replace(identity=f"core.{self._sent}.{sequence}")

    def acknowledge(self, message: Message) -> None:
        """See ``InMemoryBroker``."""
        world = self._world
        world.watch.acknowledged(message)
        if world.chance(world.weather.ack_lost):
            world.note("stream", Happening.ACK_LOST, f"#{message.sequence}")
            return
        super().acknowledge(message)

    def publish(self, published: OutgoingMessage) -> None:
        """See ``InMemoryBroker``."""
        known = len(self.published)
        super().publish(published)
        name = published.headers.get("Nats-Msg-Id", "")
        if len(self.published) == known:
            self._world.note("stream", Happening.PUBLICATION_REPEATED, name)
            return
        dead = published.subject == SUBJECTS.dead_letter
        self._world.note("stream", Happening.DEAD_LETTER if dead else Happening.DIGEST, name)
        self._world.watch.published(published)


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

    def dead_letter(self, tokens: Iterable[DeliveryToken], rejection: Rejection) -> None:
        """See ``Acknowledger``."""
        self.calls.append((super().dead_letter, (tokens, rejection)))

    def publish(self, digest: Digest, settled: Callable[[PublishFailedError | None], None]) -> None:
        """See ``DigestPublisher``."""
        self.calls.append((super().publish, (digest, settled)))

    def step(self) -> None:
        """Carry out the oldest call."""
        function, arguments = self.calls.popleft()
        function(*arguments)

    def send(
        self, message: OutgoingMessage, settled: Callable[[PublishFailedError | None], None]
    ) -> None:
        """See ``Transport``."""
        world, process, weather = self._world, self._process, self._world.weather
        if not process.alive:
            return
        world.may_crash(process)

        def arrive() -> None:
            super(StormyBus, self).send(message, answer)

        def answer(error: PublishFailedError | None) -> None:
            if process.alive and not lost:
                settled(error)

        def give_up() -> None:
            settled(PublishFailedError("no answer in time"))

        name = message.headers.get("Nats-Msg-Id", "")
        fails = world.chance(weather.publish_fails)
        lost = world.chance(weather.publish_ack_lost)
        slow = world.chance(weather.publish_slow) or not process.alive
        if fails or lost:
            what = Happening.PUBLICATION_LOST if fails else Happening.PUBLICATION_ANSWER_LOST
            world.note(process, what, name)
            world.call_after(PUBLISH_TIMEOUT_S, process, give_up)
        if fails:
            lost = True
            return
        if slow:
            world.note(process, Happening.PUBLICATION_LATE, name)
            world.travel(world.random.choice((0.01, 1.0, 7.0)), arrive)
        else:
            arrive()

    def _settle(self, messages: list[Message], rejection: str | None) -> None:
        del rejection
        world, process = self._world, self._process
        for message in messages:
            if not process.alive:
                return
            world.note(process, Happening.ACKNOWLEDGED, f"#{message.sequence}")
            world.broker.acknowledge(message)
            world.may_crash(process)
