"""The in-memory twin of the bus: a broker that delivers at least once, for tests and simulation.

Single-threaded: everything happens in its methods, on their caller's thread.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from actors.errors import PublishFailedError
from bus.inbound.intake import Intake, Message
from bus.outbound.dead_letters import DeadLetterSender
from bus.outbound.digests import DigestSender
from bus.outbound.message import MESSAGE_ID, OutgoingMessage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from actors.messages import Deliveries
    from actors.ports import DeliveryToken
    from actors.rejections import Rejection
    from actors.rules.digest import Digest
    from bus.subjects import Subjects


@dataclass(slots=True)
class InMemoryBroker:
    """An input stream with one durable consumer, and a stream of what was published.

    Outlives the processes that use it, as a real broker does.
    """

    max_payload_bytes: int = 1024 * 1024
    waiting: dict[int, tuple[str, bytes]] = field(default_factory=dict)
    """What was put in and is not acknowledged, by sequence."""
    published: list[OutgoingMessage] = field(default_factory=list)
    fault: Callable[[str], PublishFailedError | None] | None = None
    """Asked before each publication with its subject; an error is given to the publisher."""
    _last_sequence: int = 0
    _seen_ids: set[str] = field(default_factory=set)

    def put(self, subject: str, body: bytes) -> int:
        """Put a message into the input stream; return its sequence."""
        self._last_sequence += 1
        self.waiting[self._last_sequence] = (subject, body)
        return self._last_sequence

    def message(self, sequence: int) -> Message:
        """Return a delivery of a message that waits."""
        subject, body = self.waiting[sequence]
        return Message(subject, body, f"ack.{sequence}", f"memory.{sequence}", sequence)

    def acknowledge(self, message: Message) -> None:
        """Take a message out; repeating it does nothing."""
        self.waiting.pop(message.sequence, None)

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
        deliver: Callable[[Deliveries], None],
        call_later: Callable[[float, Callable[[], None]], None],
        wall_s: Callable[[], float],
        max_body_bytes: int = 64 * 1024,
    ) -> None:
        """Connect; ``call_later`` and ``wall_s`` are the simulation's time."""
        self._broker = broker
        self._call_later = call_later
        self._digests = DigestSender(self, subjects)
        dead_letters = DeadLetterSender(self, subjects, wall_s)
        self.intake = Intake(
            subjects, max_body_bytes, deliver, dead_letters.send, self._settle, monotonic_s=wall_s
        )

    def limit_bytes(self, subject: str) -> int:
        """See ``Transport``."""
        del subject
        return self._broker.max_payload_bytes

    def deliver(self, sequences: Iterable[int]) -> None:
        """Deliver messages that wait, for the first time or again."""
        self.intake.take([self._broker.message(sequence) for sequence in sequences])

    def acknowledge(self, tokens: Iterable[DeliveryToken]) -> None:
        """See ``Acknowledger``."""
        self.intake.settle(tokens)

    def dead_letter(self, tokens: Iterable[DeliveryToken], rejection: Rejection) -> None:
        """See ``Acknowledger``."""
        self.intake.dead_letter(tokens, rejection)

    def publish(self, digest: Digest, settled: Callable[[PublishFailedError | None], None]) -> None:
        """See ``DigestPublisher``."""
        self._digests.send(digest, settled)

    def send(
        self, message: OutgoingMessage, settled: Callable[[PublishFailedError | None], None]
    ) -> None:
        """See ``Transport``."""
        error = self._broker.fault(message.subject) if self._broker.fault else None
        if error is None and message.size > self._broker.max_payload_bytes:
            error = PublishFailedError("maximum payload exceeded")
        if error is None:
            self._broker.publish(message)
        settled(error)

    def call_later(self, delay_s: float, action: Callable[[], None]) -> None:
        """See ``Transport``."""
        self._call_later(delay_s, action)

    def _settle(self, messages: list[Message], rejection: str | None) -> None:
        del rejection
        for message in messages:
            self._broker.acknowledge(message)
