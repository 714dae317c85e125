"""Sending digests: whole, or in parts where they exceed what is taken."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from bus.outbound.message import MESSAGE_ID, OutgoingMessage, headers_size
from bus.outbound.transport import send_all
from bus.spans import NoSpans
from bus.wire.codec import encode_digest, encode_items
from bus.wire.contexts import HEADER, child_of, sound

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from actors.errors import PublishFailedError
    from actors.rules.digest import Digest, DigestItem
    from bus.outbound.transport import Transport
    from bus.spans import Spans
    from bus.subjects import Subjects


ITEMS_IN_A_SLICE = 1_000
"""Alarms that are encoded in a turn of the loop: some 5 milliseconds."""


class DigestSender:
    """Sends digests, split where they exceed what is taken. Runs on the bus's thread."""

    def __init__(
        self, transport: Transport, subjects: Subjects, spans: Spans | None = None
    ) -> None:
        """Send over ``transport``."""
        self._transport = transport
        self._subject = subjects.alarm_digest
        self._spans = spans or NoSpans()
        self.refused: str | None = None
        """Why digests are not taken; None while they are."""

    def send(
        self, digests: Sequence[Digest], settled: Callable[[PublishFailedError | None], None]
    ) -> None:
        """Send all parts of all digests at once, in order; settled when all of them are.

        Many alarms are encoded some at a time, so that the loop does other things between.
        """
        encoded: list[list[bytes]] = [[] for _ in digests]
        self._encode(_slices_of(digests), encoded, lambda: self._send(digests, encoded, settled))

    def _encode(
        self,
        slices: deque[tuple[int, Sequence[DigestItem]]],
        encoded: list[list[bytes]],
        done: Callable[[], None],
    ) -> None:
        room = ITEMS_IN_A_SLICE
        while slices and room >= len(slices[0][1]):
            number, items = slices.popleft()
            room -= len(items)
            encoded[number] += encode_items(items)
        if slices:
            self._transport.call_later(0.0, lambda: self._encode(slices, encoded, done))
        else:
            done()

    def _send(
        self,
        digests: Sequence[Digest],
        encoded: Sequence[Sequence[bytes]],
        settled: Callable[[PublishFailedError | None], None],
    ) -> None:
        limit_bytes = self._transport.limit_bytes(self._subject)
        messages = [
            message
            for digest, items in zip(digests, encoded, strict=True)
            for message in messages_of(digest, self._subject, limit_bytes, items)
        ]
        if self._spans.records:
            for digest in digests:
                settled = self._spans.sending(digest, settled)

        def ended(error: PublishFailedError | None) -> None:
            self.refused = None if error is None else str(error)
            settled(error)

        send_all(self._transport, messages, ended)


def _slices_of(digests: Sequence[Digest]) -> deque[tuple[int, Sequence[DigestItem]]]:
    """Return which alarms of which digest are encoded at a time."""
    return deque(
        (number, digest.items[first : first + ITEMS_IN_A_SLICE])
        for number, digest in enumerate(digests)
        for first in range(0, len(digest.items), ITEMS_IN_A_SLICE)
    )


def messages_of(
    digest: Digest, subject: str, limit_bytes: int, encoded: Sequence[bytes] | None = None
) -> list[OutgoingMessage]:
    """Return a digest's messages, each of ``limit_bytes`` at the most, headers included.

    A part's id holds the bounds of what it carries: should the limit change between two attempts,
    a part that was never sent is not taken for one that was. An alarm that alone exceeds the limit
    gets a message of its own, which is then too large. ``encoded`` are its items, if they are.
    """
    identity = str(digest.digest_id)
    headers = {MESSAGE_ID: identity}
    if (parent := sound(digest.traceparent)) is not None:
        headers[HEADER] = child_of(parent, identity)
    bounds_bytes = len(f".{len(digest.items)}-{len(digest.items)}")
    parts = encode_digest(digest, limit_bytes - headers_size(headers) - bounds_bytes, encoded)
    if len(parts) == 1:
        return [OutgoingMessage(subject, parts[0].body, headers)]
    return [
        OutgoingMessage(subject, body, {**headers, MESSAGE_ID: f"{identity}.{first}-{end}"})
        for first, end, body in parts
    ]
