"""Deliveries: what the addresses of a consumer's messages tell, one by one or by the chunk."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from actors.runtime.tuples import new_tuple
from bus.inbound.log_source import LogMessage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bus.connection.lanes import Frame


class Delivered(NamedTuple):
    """What a delivery's reply subject tells."""

    consumer: bytes
    sequence: int
    """In the stream."""
    number: int
    """In the consumer: 1, 2, 3 and so on."""
    timestamp_ns: int
    waiting: int
    """Messages behind it."""


def parse_delivery(reply: bytes) -> Delivered:
    """Read ``$JS.ACK.<stream>.<consumer>.<delivered>.<seq>.<consumer seq>.<timestamp>.<pending>``.

    Newer servers may put two tokens behind ACK and one at the end. Raises ``ValueError`` or
    ``IndexError`` for what is no such subject.
    """
    tokens = reply.split(b".")
    if len(tokens) == 9:
        _, _, _, consumer, _, sequence, number, timestamp, waiting = tokens
    else:
        at = 3 if len(tokens) < 11 else 5
        consumer = tokens[at]
        sequence, number, timestamp, waiting = tokens[at + 2 : at + 6]
    fields = (consumer, int(sequence), int(number), int(timestamp), int(waiting))
    return new_tuple(Delivered, fields)


class PlainRun:
    """The short way for a chunk that holds one consumer's deliveries in order, and nothing else.

    As nearly all do. Their addresses differ in the last four tokens only, of which numbers are read
    of the first and the last: what lies between is complete if there are as many.
    """

    def __init__(self) -> None:
        """Know no consumer yet."""
        self.consumer = b""
        self._prefix = b""

    def learn(self, address: bytes, consumer: bytes) -> None:
        """Expect the consumer that an address is of, if it is one of the short form."""
        tokens = address.split(b".")
        self.consumer = consumer
        self._prefix = b".".join([*tokens[:5], b""]) if len(tokens) == 9 else b""

    def read(
        self, frames: list[Frame], names: Mapping[bytes, str]
    ) -> tuple[list[LogMessage], int, int, int] | None:
        """Return what ``StreamReading.take`` wants; None for any other chunk.

        ``names`` are the subjects that are known.
        """
        prefix = self._prefix
        begin = len(prefix)
        if not begin:
            return None
        messages: list[LogMessage] = []
        add = messages.append
        first = number = waits = b""
        try:
            for subject, address, body, headers in frames:
                if not address.startswith(prefix):
                    return None
                sequence, number, timestamp, waits = address[begin:].split(b".")
                if not first:
                    first = number
                fields = (names[subject], body, headers, int(sequence), int(timestamp))
                add(new_tuple(LogMessage, fields))
            begins, ends, waiting = int(first), int(number), int(waits)
        except (KeyError, ValueError):
            return None
        return (messages, begins, ends, waiting) if ends - begins == len(messages) - 1 else None
