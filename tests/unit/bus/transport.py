"""A transport that remembers what it was given and settles when told to."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from actors.errors import PublishFailedError
    from bus.outbound.message import OutgoingMessage
    from bus.outbound.transport import Outcomes


class Sent(NamedTuple):
    """One publication under way."""

    message: OutgoingMessage
    settle: Callable[[PublishFailedError | None], None]

    @property
    def subject(self) -> str:
        """Where it went."""
        return self.message.subject

    @property
    def body(self) -> bytes:
        """What was sent."""
        return self.message.body

    @property
    def headers(self) -> Mapping[str, str]:
        """With what headers."""
        return self.message.headers


@dataclass
class RecordingTransport:
    """Sends nothing."""

    max_payload_bytes: int = 10_000
    settles_at_once: bool = False
    sent: list[Sent] = field(default_factory=list)
    timers: list[tuple[float, Callable[[], None]]] = field(default_factory=list)

    def limit_bytes(self, subject: str) -> int:
        """See ``Transport``."""
        del subject
        return self.max_payload_bytes

    def send(
        self, messages: Sequence[OutgoingMessage], settled: Callable[[Outcomes], None]
    ) -> None:
        """See ``Transport``."""
        outcomes: dict[int, PublishFailedError | None] = {}

        def settle(number: int, error: PublishFailedError | None) -> None:
            outcomes[number] = error
            if len(outcomes) == len(messages):
                settled([outcomes[number] for number in range(len(messages))])

        for number, message in enumerate(messages):
            self.sent.append(Sent(message, partial(settle, number)))
            if self.settles_at_once:
                settle(number, None)

    def call_later(self, delay_s: float, action: Callable[[], None]) -> None:
        """See ``Transport``."""
        self.timers.append((delay_s, action))
