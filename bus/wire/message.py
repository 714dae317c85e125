"""A message as it was taken, before and after its body is decoded."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from actors.ports import DeliveryToken
    from actors.rejections import Rejection
    from actors.rules.positions import Place


class Message(NamedTuple):
    """A message that is taken, and what is needed to answer it or to put it aside."""

    subject: str
    body: bytes
    reply: str
    """Where a producer waits for an answer; empty when nobody does, as always on JetStream."""
    place: Place
    """In its log, which has a name on core NATS only."""
    traceparent: str | None = None
    """The trace context that it bears."""

    @property
    def identity(self) -> str:
        """The same when it is read again; no other message has it."""
        sequence, timestamp_ns, log = self.place
        return f"{log}.{sequence}" if log else f"{sequence}.{timestamp_ns}"

    @property
    def sequence(self) -> int:
        """Its number in the stream; 0 without one."""
        return 0 if self.place.log else self.place.sequence


class Rejected(NamedTuple):
    """A message that is to become a dead letter."""

    token: DeliveryToken
    message: Message
    rejection: Rejection
