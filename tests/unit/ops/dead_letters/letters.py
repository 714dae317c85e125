"""A dead letter, and a stream that holds some, for tests."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, cast

from bus.dead_letters.stored import DeadLetter, DeadLetters

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

LETTER = DeadLetter(
    sequence=7,
    reason="the body is not JSON",
    subject="AlarmStatusChanged",
    original_sequence=3,
    time="2021-06-07T20:40:15Z",
    body=b"nonsense",
)
BINARY = replace(LETTER, sequence=8, body=b"\xff")
CUT = replace(LETTER, sequence=9, cut_from=2_000)


@dataclass
class StoredLetters:
    """A dead-letter stream in memory."""

    held: list[DeadLetter] = field(default_factory=lambda: [LETTER, BINARY, CUT])
    name: str | None = "DEAD"
    deleted: list[int] = field(default_factory=list)

    @property
    def letters(self) -> DeadLetters:
        """It, as what it stands for."""
        return cast("DeadLetters", self)

    async def stream(self) -> str | None:
        """See ``DeadLetters``."""
        return self.name

    async def find(self, stream: str, sequence: int) -> DeadLetter | None:
        """See ``DeadLetters``."""
        del stream
        return next((one for one in self.held if one.sequence == sequence), None)

    async def read(self, stream: str) -> AsyncIterator[DeadLetter]:
        """See ``DeadLetters``."""
        del stream
        for one in self.held:
            yield one

    async def delete(self, stream: str, letter: DeadLetter) -> None:
        """See ``DeadLetters``."""
        del stream
        self.held.remove(letter)
        self.deleted.append(letter.sequence)
