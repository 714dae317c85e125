"""Dead letters that are kept, and stored only when a test says so."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Sequence

    from actors.ports import DeliveryToken
    from bus.wire.message import Rejected


@dataclass
class RecordingLetters:
    """See ``DeadLetters``."""

    rejected: list[Rejected] = field(default_factory=list)
    calls: int = 0
    forgotten: list[Container[DeliveryToken]] = field(default_factory=list)
    room: int = 1_000_000
    room_bytes: int = 1 << 40
    is_clogged: bool = False
    _done: Callable[[Sequence[Rejected]], None] = lambda _: None

    def send(
        self, rejected: Sequence[Rejected], done: Callable[[Sequence[Rejected]], None]
    ) -> None:
        """See ``DeadLetters``."""
        self.calls += 1
        self.rejected += rejected
        self._done = done

    def forget(self, tokens: Container[DeliveryToken]) -> None:
        """See ``DeadLetters``."""
        self.forgotten.append(tokens)

    def store(self, number: int = 0) -> None:
        """Have one of them be in its stream, by its place among the rejected."""
        self._done([self.rejected[number]])
