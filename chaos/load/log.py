"""The input log, read from outside: what a digest must take account of, whoever made it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

from nats.errors import TimeoutError as NatsTimeoutError
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

from actors.rules.alarms import AlarmID, Severity, UserID
from bus.wire.instants import parse_instant

if TYPE_CHECKING:
    from nats.aio.msg import Msg
    from nats.js.client import JetStreamContext

    from tests.broker import Names

_FETCHED_AT_ONCE = 2000


class Entry(NamedTuple):
    """An event or a request, as it stands in the log."""

    user_id: UserID
    event: tuple[AlarmID, Severity, int] | None
    request: int | None
    """The number that its producer gave it; None for an event."""


def trace_of(request: int) -> str:
    """Return the trace context that a request bears, so that its digest can be told."""
    return f"00-{request:032x}-{request:016x}-01"


def request_of(traceparent: str | None) -> int | None:
    """Return the number of the request whose trace a message bears on."""
    return None if traceparent is None else int(traceparent.split("-")[1], 16)


async def read_log(js: JetStreamContext, names: Names) -> list[Entry]:
    """Return all that the input stream holds, in its order."""
    last = (await js.stream_info(names.input_stream)).state.last_seq
    config = ConsumerConfig(
        deliver_policy=DeliverPolicy.ALL, ack_policy=AckPolicy.NONE, inactive_threshold=30
    )
    reader = await js.pull_subscribe("", stream=names.input_stream, config=config)
    entries: list[Entry] = []
    read = 0
    try:
        while read < last:
            try:
                messages = await reader.fetch(_FETCHED_AT_ONCE, timeout=2)
            except NatsTimeoutError:
                break  # what is missing at the end was deleted
            entries += [_entry(message, names) for message in messages]
            read = messages[-1].metadata.sequence.stream
    finally:
        await reader.unsubscribe()
    return entries


def _entry(message: Msg, names: Names) -> Entry:
    fields = json.loads(message.data)
    user_id = UserID(fields["UserID"])
    if message.subject == names.requests:
        return Entry(user_id, None, request_of((message.headers or {}).get("traceparent")))
    severity, at_ns = Severity[fields["Status"]], parse_instant(fields["ChangedAt"])
    return Entry(user_id, (AlarmID(fields["AlarmID"]), severity, at_ns), None)
