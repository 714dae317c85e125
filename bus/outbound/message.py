"""Outgoing messages: the one place where headers are composed, and counted.

A header ends at a line's end: whoever gets CR LF into a value writes the next header, or the body.
Values that come from elsewhere (a reason that quotes a body, a subject) are escaped here. A UserID
may hold any character; it goes into bodies only, never into a header or a subject.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple, Self

if TYPE_CHECKING:
    from collections.abc import Mapping

MESSAGE_ID = "Nats-Msg-Id"
"""What JetStream knows a repeat by."""

_NOT_IN_A_LINE = re.compile("[\\x00-\\x1f\\x7f-\\x9f\u2028\u2029\ud800-\udfff]")
"""Control characters, what some take for a line's end, and what UTF-8 cannot write."""


class _Composed(NamedTuple):
    subject: str
    body: bytes
    headers: Mapping[str, str]
    """Names are ours; values that held control characters are escaped."""
    head: bytes
    """The headers as they go over the wire; empty without any."""


class OutgoingMessage(_Composed):
    """What is published: subject, body, headers. Made on any thread.

    A tuple: one is made for each digest, and a frozen dataclass takes five times as long.
    """

    __slots__ = ()

    def __new__(cls, subject: str, body: bytes, headers: Mapping[str, str] | None = None) -> Self:
        """Compose the head."""
        safe = {name: header_value(value) for name, value in (headers or {}).items()}
        return tuple.__new__(cls, (subject, body, safe, _compose(safe)))

    @property
    def size(self) -> int:
        """Bytes that a server counts against its limit: head and body."""
        return len(self.head) + len(self.body)


def headers_size(headers: Mapping[str, str]) -> int:
    """Return the bytes that headers take of a message."""
    return len(_compose({name: header_value(value) for name, value in headers.items()}))


def header_value(text: str) -> str:
    """Return the text without what would end the line; nearly always as it is."""
    return text if text.isprintable() else _NOT_IN_A_LINE.sub(_escaped, text)


def one_line(text: str, max_chars: int) -> str:
    """Return a sentence as a header value that every client can read: printable ASCII, cut."""
    plain = text.encode("ascii", "backslashreplace").decode()
    return header_value(" ".join(plain.split()))[:max_chars]


def _escaped(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape").decode()


def _compose(headers: Mapping[str, str]) -> bytes:
    if not headers:
        return b""
    lines = "".join([f"{name}: {value}\r\n" for name, value in headers.items()])
    return f"NATS/1.0\r\n{lines}\r\n".encode()
