"""A transport that remembers what it was given and settles when told to."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from actors.errors import PublishFailedError


class Sent(NamedTuple):
    """One publication under way."""

    subject: str
    body: bytes
    headers: dict[str, str]
    settle: Callable[[PublishFailedError | None], None]


@dataclass
class RecordingTransport:
    """Sends nothing."""

    max_payload_bytes: int = 10_000
    settles_at_once: bool = False
    sent: list[Sent] = field(default_factory=list)
    timers: list[tuple[float, Callable[[], None]]] = field(default_factory=list)

    def send(
        self,
        subject: str,
        body: bytes,
        headers: Mapping[str, str],
        settled: Callable[[PublishFailedError | None], None],
    ) -> None:
        """See ``Transport``."""
        self.sent.append(Sent(subject, body, dict(headers), settled))
        if self.settles_at_once:
            settled(None)

    def call_later(self, delay_s: float, action: Callable[[], None]) -> None:
        """See ``Transport``."""
        self.timers.append((delay_s, action))
