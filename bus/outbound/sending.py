"""Sending digests and dead letters over whatever transport there is."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

from bus.spans import NoSpans
from bus.tally import BusTally
from bus.wire.codec import encode_digest
from bus.wire.contexts import HEADER, child_of, sound

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from actors.errors import PublishFailedError
    from actors.rules.digest import Digest
    from bus.inbound.intake import Message
    from bus.spans import Spans
    from bus.subjects import Subjects

logger = logging.getLogger("bus.sending")

HEADER_ROOM_BYTES = 512
"""Left for headers: a server's ``max_payload`` counts them too."""

DEAD_LETTER_RETRY_S = 1.0

_PART_HEADER_BYTES = 64
"""What the number of a dead letter's part, and its bounds in the id, add to the headers."""


class Transport(Protocol):
    """Publishes one message durably, or as durably as it can. Runs on the bus's thread."""

    @property
    def max_payload_bytes(self) -> int:
        """The largest message, headers included, that the server takes."""

    def send(
        self,
        subject: str,
        body: bytes,
        headers: Mapping[str, str],
        settled: Callable[[PublishFailedError | None], None],
    ) -> None:
        """Publish, then call ``settled`` once: with None when the server has it."""

    def call_later(self, delay_s: float, action: Callable[[], None]) -> None:
        """Do ``action`` on the bus's thread after ``delay_s``."""


class DigestSender:
    """Sends digests, split where they exceed what the server takes. Runs on the bus's thread."""

    def __init__(
        self, transport: Transport, subjects: Subjects, spans: Spans | None = None
    ) -> None:
        """Send over ``transport``."""
        self._transport = transport
        self._subject = subjects.alarm_digest
        self._spans = spans or NoSpans()

    def send(
        self,
        digests: Sequence[Digest],
        settled: Callable[[PublishFailedError | None], None],
    ) -> None:
        """Send all parts of all of them at once, in order; settled when all of them are.

        A part's id holds the bounds of what it carries: should the server's limit change
        between two attempts, a part that was never sent is not taken for one that was.
        """
        messages: list[tuple[bytes, Mapping[str, str]]] = []
        for digest in digests:
            messages += self._messages(digest)
            if self._spans.records:
                settled = self._spans.sending(digest, settled)
        _send_all(self._transport, self._subject, messages, settled)

    def _messages(self, digest: Digest) -> list[tuple[bytes, Mapping[str, str]]]:
        parts = encode_digest(digest, self._transport.max_payload_bytes - HEADER_ROOM_BYTES)
        headers: dict[str, str] = {}
        if (parent := sound(digest.traceparent)) is not None:
            headers[HEADER] = child_of(parent, digest.digest_id)
        if len(parts) == 1:
            return [(parts[0].body, {"Nats-Msg-Id": str(digest.digest_id), **headers})]
        return [
            (body, {"Nats-Msg-Id": f"{digest.digest_id}.{first}-{end}", **headers})
            for first, end, body in parts
        ]


class DeadLetterSender:
    """Sends dead letters, each until the server has it. Runs on the bus's thread."""

    def __init__(
        self,
        transport: Transport,
        subjects: Subjects,
        wall_s: Callable[[], float],
        tally: BusTally | None = None,
    ) -> None:
        """Send over ``transport``; ``wall_s`` is the time in seconds since 1970."""
        self._transport = transport
        self._subject = subjects.dead_letter
        self._wall_s = wall_s
        self._tally = tally or BusTally()

    def send(self, message: Message, reason: str, done: Callable[[], None]) -> None:
        """Send the body unchanged, with why and whence in the headers; then call ``done``.

        A body that leaves no room for the headers goes as consecutive parts that join to it, each
        with ``Dead-Letter-Part: <number>/<parts>``: a server closes the connection of whoever
        exceeds its limit, and the message would come back to do it again.
        """
        now = datetime.fromtimestamp(self._wall_s(), UTC)
        headers = {
            "Dead-Letter-Reason": _one_line(reason),
            "Dead-Letter-Subject": message.subject,
            "Dead-Letter-Sequence": str(message.sequence),
            "Dead-Letter-Time": now.isoformat().replace("+00:00", "Z"),
            "Nats-Msg-Id": f"dead-letter.{message.identity}",
        }
        if message.traceparent is not None:
            headers[HEADER] = message.traceparent

        def settled(error: PublishFailedError | None) -> None:
            if error is None:
                done()
                return
            self._tally.dead_letter_retries += 1
            logger.warning("dead_letter.retried", extra={"error": str(error)})
            self._transport.call_later(DEAD_LETTER_RETRY_S, attempt)

        def attempt() -> None:
            parts = _dead_letter_parts(message.body, headers, self._transport.max_payload_bytes)
            _send_all(self._transport, self._subject, parts, settled)

        attempt()


def headers_size(headers: Mapping[str, str]) -> int:
    """Return the bytes that headers take of a message."""
    lines = sum(len(name) + len(value.encode()) + 4 for name, value in headers.items())
    return len(b"NATS/1.0\r\n") + lines + len(b"\r\n")


def _dead_letter_parts(
    body: bytes, headers: Mapping[str, str], max_payload_bytes: int
) -> list[tuple[bytes, Mapping[str, str]]]:
    room = max_payload_bytes - headers_size(headers)
    if len(body) <= room:
        return [(body, headers)]
    room = max(room - _PART_HEADER_BYTES, 1)
    bounds = [(first, min(first + room, len(body))) for first in range(0, len(body), room)]
    parts: list[tuple[bytes, Mapping[str, str]]] = []
    for number, (first, end) in enumerate(bounds, start=1):
        part = {**headers, "Dead-Letter-Part": f"{number}/{len(bounds)}"}
        part["Nats-Msg-Id"] = f"{headers['Nats-Msg-Id']}.{first}-{end}"
        parts.append((body[first:end], part))
    return parts


def _send_all(
    transport: Transport,
    subject: str,
    messages: Sequence[tuple[bytes, Mapping[str, str]]],
    settled: Callable[[PublishFailedError | None], None],
) -> None:
    """Send all at once, in order; settled with the first failure when all of them are."""
    unsettled = len(messages)
    failure: PublishFailedError | None = None

    def one_settled(error: PublishFailedError | None) -> None:
        nonlocal unsettled, failure
        unsettled -= 1
        failure = failure or error
        if not unsettled:
            settled(failure)

    for body, headers in messages:
        transport.send(subject, body, headers, one_settled)


def _one_line(text: str) -> str:
    """Return the text as a header value: printable ASCII, one line, not too long."""
    plain = text.encode("ascii", "backslashreplace").decode()
    return " ".join(plain.split())[: HEADER_ROOM_BYTES // 2]
