"""Dead letters as they lie in their stream: reading them, deleting them."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from nats.js.api import ConsumerConfig, DeliverPolicy
from nats.js.errors import NotFoundError

from bus.outbound.dead_letters import CUT, REASON, SEQUENCE, SUBJECT, TIME
from bus.streams.api import stream_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from nats.js import JetStreamContext

_READ_TIMEOUT_S = 5.0


class Stored(NamedTuple):
    """One message of the dead-letter stream."""

    sequence: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A rejected message."""

    sequence: int
    """Its place in the dead-letter stream: what it is called by."""
    reason: str
    subject: str
    """Where it was published first; empty when the letter does not say."""
    original_sequence: int
    """Its place in the input stream then; 0 on core NATS."""
    time: str
    """When it was rejected, RFC 3339."""
    body: bytes
    cut_from: int | None = None
    """Bytes that the body had before it was cut to what could be published; None when whole."""


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
        """Yield the letters that the stream holds now, oldest first.

        What is rejected meanwhile is left out: replaying what fails again would never end.
        """
        first, last, count = await self.bounds(stream)
        if not count:
            return
        async for message in self.messages(stream, first, last):
            yield letter_of(message)

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
        """Return the letter at ``sequence``, if there is one."""
        try:
            message = await self._js.get_msg(stream, sequence)
        except NotFoundError:
            return None
        if message.subject != self._subject:
            return None
        return letter_of(Stored(sequence, message.headers or {}, message.data or b""))

    async def delete(self, stream: str, letter: DeadLetter) -> None:
        """Delete a letter; one that is gone already is fine."""
        with suppress(NotFoundError):
            await self._js.delete_msg(stream, letter.sequence)


def letter_of(message: Stored) -> DeadLetter:
    """Return a message of the stream as a letter, whoever has written its headers."""
    headers = message.headers
    return DeadLetter(
        sequence=message.sequence,
        reason=headers.get(REASON, ""),
        subject=headers.get(SUBJECT, ""),
        original_sequence=_number(headers.get(SEQUENCE)) or 0,
        time=headers.get(TIME, ""),
        body=message.body,
        cut_from=_number(headers.get(CUT)),
    )


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and text.isdecimal() else None
