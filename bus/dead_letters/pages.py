"""Dead letters a page at a time, the newest first, however many there are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from bus.dead_letters.stored import letter_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from bus.dead_letters.stored import DeadLetters, Stored

_SPAN_MAX = 2_000
_SPANS_MAX = 6
"""Places that are looked at for a page: so many spans of so many at the most."""


@dataclass(frozen=True, slots=True)
class LetterHead:
    """One letter without its body."""

    sequence: int
    reason: str
    subject: str
    original_sequence: int
    time: str
    size: int
    """Bytes of the body as it is stored."""
    cut_from: int | None
    """Bytes that it had before it was cut; None when it is whole."""


class LetterPage(NamedTuple):
    """Some letters of the dead-letter stream."""

    heads: list[LetterHead]
    """Newest first."""
    older: int | None
    """What a page of older ones begins before; None when there are none."""
    stored: int
    """How many letters the stream holds in all."""
    looked_at: int = 0
    """Letters that this page was chosen from, ``fitting`` of which are wanted."""
    fitting: int = 0


async def newest_letters(
    letters: DeadLetters,
    stream: str,
    before: int | None,
    limit: int,
    wanted: Callable[[LetterHead], bool] | None = None,
) -> LetterPage:
    """Return the newest letters whose place is below ``before``. Runs on the event loop.

    Their bodies stay where they are, and what is read of the stream is bounded: a page may be
    short where much was deleted, or little is ``wanted``; where something is, all that may be read
    is, for its count. Raises ``nats.errors.Error``.
    """
    first, last, count = await letters.bounds(stream)
    if not count:
        return LetterPage([], None, 0)
    end = last + 1 if before is None else min(before, last + 1)
    found: list[LetterHead] = []
    span, looked_at = limit, 0
    for _ in range(_SPANS_MAX):
        if end <= first or (wanted is None and len(found) >= limit):
            break
        begin = max(first, end - span)
        heads = await _between(letters, stream, begin, end - 1)
        found = [head for head in heads if wanted is None or wanted(head)] + found
        looked_at += len(heads)
        end, span = begin, min(4 * span, _SPAN_MAX)
    shown = found[-limit:]
    if len(found) > limit:
        end = shown[0].sequence
    older = end if end > first else None
    return LetterPage(shown[::-1], older, count, looked_at, len(found))


async def _between(letters: DeadLetters, stream: str, begin: int, last: int) -> list[LetterHead]:
    # Reading waits for a message; where there is none, it would wait in vain.
    if not begin <= await letters.next_place(stream, begin) <= last:
        return []
    messages = letters.messages(stream, begin, last, headers_only=True)
    return [_head(message) async for message in messages]


def _head(message: Stored) -> LetterHead:
    letter = letter_of(message)
    size = message.headers.get("Nats-Msg-Size", "")
    return LetterHead(
        sequence=message.sequence,
        reason=letter.reason,
        subject=letter.subject,
        original_sequence=letter.original_sequence,
        time=letter.time,
        size=int(size) if size.isdecimal() else 0,
        cut_from=letter.cut_from,
    )
