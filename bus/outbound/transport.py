"""What publishes: a role, filled by JetStream, by core NATS, and in memory for tests."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Protocol, TypeAlias

from actors.errors import PublishFailedError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bus.connection.connection import Connection
    from bus.outbound.message import OutgoingMessage


Outcomes: TypeAlias = "Sequence[PublishFailedError | None]"
"""What became of messages, one by one; None for what the server has."""


class Transport(Protocol):
    """Publishes durably, or as durably as it can. Runs on the bus's thread."""

    def limit_bytes(self, subject: str) -> int:
        """Return the largest message, headers included, that is taken on a subject."""

    def send(
        self, messages: Sequence[OutgoingMessage], settled: Callable[[Outcomes], None]
    ) -> None:
        """Publish all at once, in order; ``settled`` once, when what became of each is known."""

    def call_later(self, delay_s: float, action: Callable[[], None]) -> None:
        """Do ``action`` on the bus's thread after ``delay_s``."""


class ConnectedTransport(ABC):
    """What every transport over a connection does alike. Runs on the bus's event loop."""

    def __init__(self, connection: Connection) -> None:
        """Publish over ``connection``."""
        self._connection = connection

    def limit_bytes(self, subject: str) -> int:
        """See ``Transport``: what the account may publish."""
        del subject
        return self._connection.client.max_payload

    def send(
        self, messages: Sequence[OutgoingMessage], settled: Callable[[Outcomes], None]
    ) -> None:
        """See ``Transport``."""
        if self._connection.connected:
            self._publish(messages, settled)
        else:
            settled([PublishFailedError("not connected to NATS")] * len(messages))

    def call_later(self, delay_s: float, action: Callable[[], None]) -> None:
        """See ``Transport``."""
        asyncio.get_running_loop().call_later(delay_s, action)

    @abstractmethod
    def _publish(
        self, messages: Sequence[OutgoingMessage], settled: Callable[[Outcomes], None]
    ) -> None:
        """Publish while connected."""


def send_all(
    transport: Transport,
    messages: Sequence[OutgoingMessage],
    settled: Callable[[PublishFailedError | None], None],
) -> None:
    """Send all at once, in order; settled when all of them are, with why the first was not taken.

    Where one is larger than what is taken, none is sent: it cannot succeed, whoever tries again
    would send the others again, and a plain subscriber would see them each time.
    """
    for message in messages:
        limit = transport.limit_bytes(message.subject)
        if message.size > limit:
            what = f"a message of {message.size} bytes on {message.subject}, where {limit} fit"
            settled(PublishFailedError(what))
            return
    transport.send(
        messages, lambda outcomes: settled(next((one for one in outcomes if one is not None), None))
    )
