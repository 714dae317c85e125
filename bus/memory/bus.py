"""The in-memory twin of the bus: a broker that keeps a log, for tests and simulation.

Single-threaded: everything happens in its methods, on their caller's thread.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from actors.errors import PublishFailedError
from bus.inbound.intake import BODIES_MAX_BYTES, Intake
from bus.inbound.log_reader import LogReader
from bus.memory.log import InMemoryLog, InMemoryLogSource
from bus.outbound.dead_letters import DeadLetterSender, Share
from bus.outbound.digests import DigestSender
from bus.outbound.message import MESSAGE_ID, OutgoingMessage
from bus.tally import BusTally

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from actors.messages.router import RouteDeliveries
    from actors.ports import DeliveryToken
    from actors.rejections import Rejection
    from actors.rules.digest import Digest
    from actors.rules.positions import Place
    from bus.outbound.transport import Outcomes
    from bus.subjects import Subjects
    from bus.wire.message import Message


@dataclass(slots=True)
class InMemoryBroker:
    """The input stream, and a stream of what was published.

    Outlives the processes that use it, as a real broker does.
    """

    max_payload_bytes: int = 1024 * 1024
    log: InMemoryLog = field(default_factory=InMemoryLog)
    """What was put in."""
    published: list[OutgoingMessage] = field(default_factory=list)
    fault: Callable[[str], PublishFailedError | None] | None = None
    """Asked before each publication with its subject; an error is given to the publisher."""
    _seen_ids: set[str] = field(default_factory=set)

    def put(self, subject: str, body: bytes, timestamp_ns: int = 0) -> Place:
        """Put a message into the input stream; return its place."""
        return self.log.append(subject, body, timestamp_ns)

    def publish(self, published: OutgoingMessage) -> None:
        """Keep a publication, unless its ``Nats-Msg-Id`` was seen before."""
        message_id = published.headers.get(MESSAGE_ID)
        if message_id is not None:
            if message_id in self._seen_ids:
                return
            self._seen_ids.add(message_id)
        self.published.append(published)

    def bodies(self, subject: str) -> list[bytes]:
        """Return what was published on a subject, in order."""
        return [item.body for item in self.published if item.subject == subject]


class InMemoryBus:
    """One process's connection to the broker: ``Acknowledger`` and ``DigestPublisher``."""

    def __init__(
        self,
        broker: InMemoryBroker,
        subjects: Subjects,
        deliver: Callable[[RouteDeliveries], None],
        fell: Callable[[Mapping[int, Place]], None],
        post: Callable[[Callable[[], None]], None],
        call_later: Callable[[float, Callable[[], None]], None],
        wall_s: Callable[[], float],
        max_body_bytes: int = 64 * 1024,
        max_in_flight: int = 1000,
    ) -> None:
        """Connect; ``call_later`` and ``wall_s`` are the simulation's time.

        ``post`` does an action later, when what is on its way between the process and the broker
        arrives; in the order of its calls.
        """
        self._broker = broker
        self._call_later = call_later
        self._digests = DigestSender(self, subjects)
        self.tally = BusTally()
        share = Share.of(max_in_flight, BODIES_MAX_BYTES)
        dead_letters = DeadLetterSender(
            self, subjects, wall_s, share, self.tally, lambda _: self.log.ask_for_more()
        )
        self.source = InMemoryLogSource(broker.log, post, call_later)
        self.intake = Intake(
            subjects,
            max_body_bytes,
            max_in_flight,
            deliver,
            dead_letters,
            self._on_settled,
            self.tally,
            wall_s,
        )
        self.log = LogReader(self.source, self.intake, self.tally, fell)

    def limit_bytes(self, subject: str) -> int:
        """See ``Transport``."""
        del subject
        return self._broker.max_payload_bytes

    @property
    def fill(self) -> float:
        """See ``Acknowledger``."""
        return self.intake.fill

    def acknowledge(self, tokens: Iterable[DeliveryToken]) -> None:
        """See ``Acknowledger``."""
        self.intake.settle(tokens)

    def dead_letter(self, tokens: Iterable[DeliveryToken], rejection: Rejection) -> None:
        """See ``Acknowledger``."""
        self.intake.dead_letter(tokens, rejection)

    def publish(
        self, digests: Sequence[Digest], settled: Callable[[PublishFailedError | None], None]
    ) -> None:
        """See ``DigestPublisher``."""
        self._digests.send(digests, settled)

    def send(
        self, messages: Sequence[OutgoingMessage], settled: Callable[[Outcomes], None]
    ) -> None:
        """See ``Transport``."""
        settled([self._publish(message) for message in messages])

    def call_later(self, delay_s: float, action: Callable[[], None]) -> None:
        """See ``Transport``."""
        self._call_later(delay_s, action)

    def _publish(self, message: OutgoingMessage) -> PublishFailedError | None:
        error = self._broker.fault(message.subject) if self._broker.fault else None
        if error is None and message.size > self._broker.max_payload_bytes:
            error = PublishFailedError("maximum payload exceeded")
        if error is None:
            self._broker.publish(message)
        return error

    def _on_settled(self, messages: list[Message], rejection: str | None) -> None:
        del messages, rejection  # nobody waits for an answer
        self.log.ask_for_more()
