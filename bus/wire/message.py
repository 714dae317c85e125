"""A message as it was taken, before and after its body is decoded."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Sequence

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


class DeadLetters(Protocol):
    """Puts rejected messages aside. Runs on the bus's thread, never blocks."""

    @property
    def room(self) -> int:
        """How many more there is room for; 0 or less for none."""

    @property
    def room_bytes(self) -> int:
        """How many bytes of bodies there is room for, likewise."""

    @property
    def is_clogged(self) -> bool:
        """Whether there is no room because letters are not taken; until half of it is there."""

    def send(
        self, rejected: Sequence[Rejected], done: Callable[[Sequence[Rejected]], None]
    ) -> None:
        """Make dead letters; ``done`` is called with those that are stored, again and again."""

    def forget(self, tokens: Container[DeliveryToken]) -> None:
        """Let go of those that wait for their turn: another home makes them."""
