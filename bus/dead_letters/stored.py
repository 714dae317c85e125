"""Dead letters as they lie in their stream: reading them, deleting them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from nats.js.api import ConsumerConfig, DeliverPolicy
from nats.js.errors import NotFoundError

from bus.streams.api import stream_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping

    from nats.js import JetStreamContext

_READ_TIMEOUT_S = 5.0


class Stored(NamedTuple):
    """One message of the dead-letter stream: a letter, or a part of one."""

    sequence: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A rejected message, joined if it was stored in parts."""

    sequence: int
    """Its place in the dead-letter stream, that of its first part: what it is called by."""
    sequences: tuple[int, ...]
    """The places of all messages that it is stored in, repeats of a part included."""
    reason: str
    subject: str
    """Where it was published first; empty when the letter does not say."""
    original_sequence: int
    """Its place in the input stream then; 0 on core NATS."""
    time: str
    """When it was rejected, RFC 3339."""
    body: bytes
    missing_parts: int = 0
    """Parts that the stream does not hold; the body lacks them."""


class _Parts:
    """The parts of one letter that were found so far."""

    def __init__(self, total: int) -> None:
        self.total = total
        self.found: dict[int, Stored] = {}
        self.sequences: list[int] = []

    def add(self, number: int, message: Stored) -> None:
        self.found.setdefault(number, message)
        self.sequences.append(message.sequence)

    @property
    def complete(self) -> bool:
        return len(self.found) == self.total

    def letter(self) -> DeadLetter:
        parts = [self.found[number] for number in sorted(self.found)]
        body = b"".join(part.body for part in parts)
        sequences = tuple(sorted(self.sequences))
        return letter_of(parts[0], sequences, body, self.total - len(self.found))


class Assembler:
    """Makes letters of messages given in the order of the stream."""

    def __init__(self) -> None:
        """Begin."""
        self._open: dict[tuple[str, ...], _Parts] = {}

    def add(self, message: Stored) -> DeadLetter | None:
        """Return the letter that is complete with this message, if one is."""
        place = place_of(message.headers.get("Dead-Letter-Part", ""))
        if place is None:
            return letter_of(message, (message.sequence,), message.body, 0)
        number, total = place
        key = _key(message.headers, total)
        parts = self._open.setdefault(key, _Parts(total))
        parts.add(number, message)
        if not parts.complete:
            return None
        del self._open[key]
        return parts.letter()

    def rest(self) -> Iterator[DeadLetter]:
        """Yield the letters of which parts are missing."""
        for parts in self._open.values():
            yield parts.letter()
        self._open.clear()


class DeadLetters:
    """The dead-letter stream. Runs on the connection's event loop.

    Every method raises ``nats.errors.Error`` when the server does not answer or refuses.
    """

    def __init__(self, js: JetStreamContext, subject: str) -> None:
        """Read what ``subject`` captures."""
        self._js = js
        self._subject = subject

    async def stream(self) -> str | None:
        """Return the stream's name; None when no stream keeps dead letters."""
        return await stream_of(self._js, self._subject)

    async def read(self, stream: str) -> AsyncIterator[DeadLetter]:
        """Yield the letters that the stream holds now, oldest first, then incomplete ones.

        What is rejected meanwhile is left out: replaying what fails again would never end.
        """
        first, last, count = await self.bounds(stream)
        if not count:
            return
        assembler = Assembler()
        async for message in self.messages(stream, first, last):
            letter = assembler.add(message)
            if letter is not None:
                yield letter
        for letter in assembler.rest():
            yield letter

    async def bounds(self, stream: str) -> tuple[int, int, int]:
        """Return the stream's first and last place, and how many of its messages are letters."""
        state = (await self._js.stream_info(stream, subjects_filter=self._subject)).state
        return state.first_seq, state.last_seq, (state.subjects or {}).get(self._subject, 0)

    async def next_place(self, stream: str, place: int) -> int:
        """Return where the first letter at ``place`` or behind it is; 0 when there is none."""
        try:
            found = await self._js.get_msg(stream, max(1, place), self._subject, next=True)
        except NotFoundError:
            return 0
        return found.seq or 0

    async def messages(
        self, stream: str, first: int, last: int, *, headers_only: bool = False
    ) -> AsyncIterator[Stored]:
        """Yield the messages at these places; there must be one at ``first`` or behind it."""
        reader = await self._js.subscribe(
            self._subject,
            stream=stream,
            ordered_consumer=True,
            config=ConsumerConfig(
                deliver_policy=DeliverPolicy.BY_START_SEQUENCE,
                opt_start_seq=max(1, first),
                headers_only=headers_only,
            ),
        )
        try:
            more = True
            while more:
                msg = await reader.next_msg(timeout=_READ_TIMEOUT_S)
                sequence = msg.metadata.sequence.stream
                if sequence > last:
                    break
                yield Stored(sequence, msg.headers or {}, msg.data)
                more = sequence < last and msg.metadata.num_pending > 0
        finally:
            await reader.unsubscribe()

    async def find(self, stream: str, sequence: int) -> DeadLetter | None:
        """Return the letter of which a message is at ``sequence``, if there is one."""
        try:
            message = await self._js.get_msg(stream, sequence)
        except NotFoundError:
            return None
        stored = Stored(sequence, message.headers or {}, message.data or b"")
        if message.subject != self._subject:
            return None
        if place_of(stored.headers.get("Dead-Letter-Part", "")) is None:
            return Assembler().add(stored)
        async for letter in self.read(stream):
            if sequence in letter.sequences:
                return letter
        return None

    async def delete(self, stream: str, letter: DeadLetter) -> None:
        """Delete all messages that the letter is stored in; one that is gone already is fine."""
        for sequence in letter.sequences:
            try:
                await self._js.delete_msg(stream, sequence)
            except NotFoundError:
                continue


def letter_of(
    first: Stored, sequences: tuple[int, ...], body: bytes, missing_parts: int
) -> DeadLetter:
    """Return a letter, of which ``first`` is the first message that was found."""
    headers = first.headers
    original = headers.get("Dead-Letter-Sequence", "")
    return DeadLetter(
        sequence=first.sequence,
        sequences=sequences,
        reason=headers.get("Dead-Letter-Reason", ""),
        subject=headers.get("Dead-Letter-Subject", ""),
        original_sequence=int(original) if original.isdecimal() else 0,
        time=headers.get("Dead-Letter-Time", ""),
        body=body,
        missing_parts=missing_parts,
    )


def place_of(part: str) -> tuple[int, int] | None:
    """Return (number, parts) of a ``Dead-Letter-Part`` header; None for a letter in one piece."""
    number, slash, total = part.partition("/")
    if not (slash and number.isdecimal() and total.isdecimal()):
        return None
    if not 1 <= int(number) <= int(total):
        return None
    return int(number), int(total)


def _key(headers: Mapping[str, str], total: int) -> tuple[str, ...]:
    """Return what the parts of one letter have in common, and those of no other."""
    identity, bounds, _ = headers.get("Nats-Msg-Id", "").rpartition(".")
    names = ("Dead-Letter-Subject", "Dead-Letter-Sequence", "Dead-Letter-Time")
    return (identity + bounds, *(headers.get(name, "") for name in names), str(total))
