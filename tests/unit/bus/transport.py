"""A transport that remembers what it was given and settles when told to."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from actors.errors import PublishFailedError
    from bus.outbound.message import OutgoingMessage


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
        self, message: OutgoingMessage, settled: Callable[[PublishFailedError | None], None]
    ) -> None:
        """See ``Transport``."""
        self.sent.append(Sent(message, settled))
        if self.settles_at_once:
            settled(None)

    def call_later(self, delay_s: float, action: Callable[[], None]) -> None:
        """See ``Transport``."""
        self.timers.append((delay_s, action))
