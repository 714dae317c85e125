"""Deliveries: what the addresses of a consumer's messages tell, one by one or by the chunk."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from actors.runtime.tuples import new_tuple
from bus.inbound.log_source import LogMessages

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bus.connection.client.lanes import Frame


_DOTS = 8
"""In an address of the short form."""


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
    of the first and the last: what lies between is complete if there are as many, in the consumer
    and in the stream.
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
    ) -> tuple[LogMessages, int, int, int] | None:
        """Return what ``StreamReading.take`` wants; None for any other chunk.

        ``names`` are the subjects that are known.
        """
        prefix = self._prefix
        if not prefix or not frames:
            return None
        subjects, addresses, bodies, headers = zip(*frames, strict=True)
        count = len(addresses)
        joined = b" ".join((b"", *addresses))  # within an address there is no blank
        if joined.count(b" " + prefix) != count or joined.count(b".") != _DOTS * count:
            return None
        try:
            known = [names[subject] for subject in subjects]
            first = parse_delivery(addresses[0])
            last = parse_delivery(addresses[-1])
        except (KeyError, ValueError, IndexError):
            return None
        between = count - 1
        if last.number - first.number != between or last.sequence - first.sequence != between:
            return None
        sequences = range(first.sequence, last.sequence + 1)
        stretch = LogMessages(known, bodies, headers, sequences, _Timestamps(addresses))
        return stretch, first.number, last.number, last.waiting


class _Timestamps(Sequence[int]):
    """The timestamps of deliveries, in nanoseconds since 1970: read where somebody looks."""

    __slots__ = ("_addresses",)

    def __init__(self, addresses: Sequence[bytes]) -> None:
        """Read them from addresses of the short form."""
        self._addresses = addresses

    def __len__(self) -> int:
        return len(self._addresses)

    def __getitem__(self, index: int) -> int:  # type: ignore[override]  # of no slice
        return int(self._addresses[index].rsplit(b".", 2)[1])

    def __iter__(self) -> Iterator[int]:
        return (int(address.rsplit(b".", 2)[1]) for address in self._addresses)
