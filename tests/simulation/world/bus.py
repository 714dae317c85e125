"""The bus as one instance has it: the log is read, digests are published, and both may fail."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from actors.errors import PublishFailedError
from actors.rules.positions import Place
from bus.inbound.intake import BODIES_MAX_BYTES, Intake
from bus.inbound.log_reader import LogReader
from bus.memory.log import InMemoryLogSource
from bus.outbound.dead_letters import DeadLetterSender, Share
from bus.outbound.digests import DigestSender
from bus.outbound.message import MESSAGE_ID
from bus.tally import BusTally
from bus.wire.message import Message
from tests.simulation.course.traffic import MAX_BODY_BYTES, SUBJECTS
from tests.simulation.trace import Happening

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from pykka import ActorRef

    from actors.messages.router import RouteDeliveries
    from actors.ports import DeliveryToken
    from actors.rejections import Rejection
    from actors.rules.digest import Digest
    from bus.inbound.intake import _InFlight
    from bus.outbound.message import OutgoingMessage
    from bus.outbound.transport import Outcomes
    from tests.simulation.oracle.ledger import Entry
    from tests.simulation.world.instance import Instance
    from tests.simulation.world.world import World

PUBLISH_TIMEOUT_S = 5.0

_USUAL_S = (0.001, 0.001, 0.01)


class InstanceBus:
    """``Acknowledger``, ``DigestPublisher`` and ``Transport`` of an instance."""

    def __init__(self, world: World, instance: Instance) -> None:
        """Connect to the world's broker; ``connect`` says to whom."""
        self._world = world
        self._instance = instance
        self._away_until_s = 0.0
        self._arrived_at_s = 0.0
        self._router: ActorRef[Any]
        self.reader: LogReader
        self._fell: Callable[[Mapping[int, Place]], None]
        self._digests = DigestSender(self, SUBJECTS)
        share = Share.of(world.plan.max_in_flight, BODIES_MAX_BYTES)
        dead_letters = DeadLetterSender(
            self,
            SUBJECTS,
            instance.clock.wall_s,
            share,
            tell_retried=lambda _: self.reader.ask_for_more(),
        )
        self.intake = Intake(
            SUBJECTS,
            MAX_BODY_BYTES,
            world.plan.max_in_flight,
            self._hand_on,
            dead_letters,
            self._settled,
            monotonic_s=instance.clock.monotonic_s,
        )
        source = InMemoryLogSource(
            world.broker.log, self._post, self.call_later, world.random.choice((1, 3, 256))
        )
        source.fault = self._fault
        self.reader = LogReader(
            source,
            self.intake,
            BusTally(),
            self._positions_fell,
        )

    def connect(self, router: ActorRef[Any], fell: Callable[[Mapping[int, Place]], None]) -> None:
        """Hand what is read to ``router``; the actors are there now."""
        self._router, self._fell = router, fell
        if not self._world.plan.core:
            self.reader.start()

    def limit_bytes(self, subject: str) -> int:
        """See ``Transport``."""
        del subject
        return self._world.plan.max_payload_bytes

    @property
    def away(self) -> bool:
        """Whether the broker is out of reach."""
        return self._world.time.now_s < self._away_until_s

    def go_away(self, duration_s: float) -> None:
        """Lose the connection, and find no server for a while."""
        self._away_until_s = self._world.time.now_s + duration_s
        self.lose_readings("the connection was lost")

    def come_back(self) -> None:
        """Find the server again."""
        self._away_until_s = 0.0

    def lose_readings(self, reason: str) -> None:
        """Lose the consumers."""
        for reading in list(self._world.broker.log.readings):
            if reading._post == self._post:
                self._world.note(self._instance, Happening.READING_LOST, reason)
                reading.lose(reason)

    def die(self) -> None:
        """Be gone: nobody reads any more."""
        readings = self._world.broker.log.readings
        readings[:] = [one for one in readings if one._post != self._post]

    @property
    def fill(self) -> float:
        """See ``Acknowledger``."""
        return self.intake.fill

    def acknowledge(self, tokens: Iterable[DeliveryToken]) -> None:
        """See ``Acknowledger``."""
        tokens = list(tokens)
        entries = [entry for token in tokens if (entry := self.entry_of(token)) is not None]
        if entries:
            self._world.note(self._instance, Happening.SETTLED, *entries, times=len(entries))
        self.intake.settle(tokens)

    def dead_letter(self, tokens: Iterable[DeliveryToken], rejection: Rejection) -> None:
        """See ``Acknowledger``."""
        tokens = list(tokens)
        for token in tokens:
            if (entry := self.entry_of(token)) is not None:
                self._world.watch.given_up(entry)
        self.intake.dead_letter(tokens, rejection)

    def publish(
        self, digests: Sequence[Digest], settled: Callable[[PublishFailedError | None], None]
    ) -> None:
        """See ``DigestPublisher``."""
        self._digests.send(digests, settled)

    def entry_of(self, token: DeliveryToken) -> Entry | None:
        """Return what stands in the log, as the ledger has it."""
        held: _InFlight | None = self.intake._in_flight.get(token)
        if held is None:
            return None
        message = held[2]
        if isinstance(message, Message):
            return self._world.ledger.at(message.place)
        return self._world.ledger.at(Place(message.sequence, message.timestamp_ns))

    def send(
        self, messages: Sequence[OutgoingMessage], settled: Callable[[Outcomes], None]
    ) -> None:
        """See ``Transport``; a publication may fail, be late, or lose its answer."""
        outcomes: dict[int, PublishFailedError | None] = {}

        def settle(number: int, error: PublishFailedError | None) -> None:
            outcomes[number] = error
            if len(outcomes) == len(messages):
                settled([outcomes[number] for number in range(len(messages))])

        for number, message in enumerate(messages):
            self._send_one(message, partial(settle, number))

    def _send_one(
        self, message: OutgoingMessage, settled: Callable[[PublishFailedError | None], None]
    ) -> None:
        world, instance, weather = self._world, self._instance, self._world.weather
        name = message.headers.get(MESSAGE_ID, "")
        if message.size > self.limit_bytes(message.subject):
            settled(PublishFailedError("maximum payload exceeded"))
            return
        world.watch.sent(instance, message)
        answered = False

        def answer(error: PublishFailedError | None) -> None:
            nonlocal answered
            if not answered:
                answered = True
                settled(error)

        late = PublishFailedError("no answer in time")
        instance.call_after(PUBLISH_TIMEOUT_S, lambda: answer(late))
        if self.away or world.chance(weather.publish_lost):
            world.note(instance, Happening.PUBLICATION_LOST, name)
            return
        lost = world.chance(weather.publish_answer_lost)
        delay_s = world.random.choice(_USUAL_S)
        if world.chance(weather.publish_late):
            delay_s = world.random.choice((0.05, 1.0, 7.0))
            world.note(instance, Happening.PUBLICATION_LATE, name)

        def arrive() -> None:
            world.broker.travelling -= 1
            world.broker.publish(message)
            if lost or self.away:
                world.note(instance, Happening.PUBLICATION_ANSWER_LOST, name)
            else:
                world.time.call_after(0.001, lambda: instance.happen(lambda: answer(None)))

        world.broker.travelling += 1
        world.time.call_after(delay_s, arrive)

    def call_later(self, delay_s: float, action: Callable[[], None]) -> None:
        """See ``Transport`` and ``LogSource``."""
        self._instance.call_after(delay_s, action)

    def _positions_fell(self, positions: Mapping[int, Place]) -> None:
        self._fell(positions)

    def _post(self, action: Callable[[], None]) -> None:
        """Have something arrive, in the order in which it set out; trouble may come before it."""
        world, time = self._world, self._world.time
        if world.chance(world.weather.reading_lost):
            self.lose_readings("it was lost")
        delay_s = world.random.choice(_USUAL_S)
        self._arrived_at_s = max(self._arrived_at_s, time.now_s + delay_s)
        delay_s = self._arrived_at_s - time.now_s
        time.call_after(delay_s, lambda: self._instance.happen(action))

    def _fault(self, what: str) -> str | None:
        world = self._world
        if self.away:
            return "no connection"
        if world.chance(world.weather.question_fails):
            world.note(self._instance, Happening.QUESTION_FAILED, what)
            return "no answer in time"
        return None

    def _hand_on(self, deliveries: RouteDeliveries) -> None:
        world, entries = self._world, []
        for delivery in deliveries.items:
            entry = self.entry_of(delivery.token)
            assert entry is not None
            entries.append(entry)
        world.note(self._instance, Happening.READ, *entries, times=len(entries))
        numbers = {entry.number for entry in entries}
        if again := numbers & world.read:
            world.note(self._instance, Happening.READ_AGAIN, times=len(again))
        world.read |= numbers
        self._router.tell(deliveries)

    def _settled(self, messages: list[Message], rejection: str | None) -> None:
        for message in messages:
            self._world.producers.answered(message, rejection)
        self.reader.ask_for_more()
