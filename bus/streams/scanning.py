"""Reading a stream once from end to end, for a command; the service reads by ``bus.inbound``."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from nats.js.api import ConsumerConfig, DeliverPolicy

from bus.inbound.stream.deliveries import parse_delivery

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from nats.aio.client import Client

_READ_TIMEOUT_S = 10.0


class Scanned(NamedTuple):
    """A message as it stands in the stream."""

    subject: str
    body: bytes
    sequence: int
    timestamp_ns: int


async def scan(client: Client, stream: str, first: int, last: int) -> AsyncIterator[Scanned]:
    """Yield the messages from ``first`` up to ``last`` in order; those that are gone are left out.

    Over an ephemeral ordered consumer, which begins anew where it was after any trouble. Raises
    ``nats.errors.Error`` when the server does not answer or refuses.
    """
    first = max(1, first)  # a stream that never held a message begins and ends at 0
    if first > last:
        return
    reader = await client.jetstream().subscribe(
        ">",
        stream=stream,
        ordered_consumer=True,
        config=ConsumerConfig(deliver_policy=DeliverPolicy.BY_START_SEQUENCE, opt_start_seq=first),
    )
    try:
        while True:
            message = await reader.next_msg(timeout=_READ_TIMEOUT_S)
            place = parse_delivery(message.reply.encode())
            if place.sequence > last:
                return
            yield Scanned(message.subject, message.data, place.sequence, place.timestamp_ns)
            if place.sequence == last or not place.waiting:
                return
    finally:
        await reader.unsubscribe()
