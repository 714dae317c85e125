"""How the log stands, for whoever examines positions against it. Changes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nats.errors import Error as NatsError

from bus.streams.api import JetStreamAPI
from bus.wire.instants import parse_instant
from ops.doctor.homes import LogFacts

if TYPE_CHECKING:
    from nats.aio.client import Client

    from bus.settings import BusSettings


async def read_log(client: Client, settings: BusSettings) -> LogFacts | None:
    """Return how the log stands; None where there is none, or it cannot be seen."""
    api = JetStreamAPI(client)
    try:
        name = await api.stream_of(settings.subjects.alarm_status_changed)
        if name is None:
            return None
        facts = await api.stream(name)
        first, last = facts.state["first_seq"], facts.state["last_seq"]
        message = await api.message(name, first) if first <= last else None
    except (NatsError, TimeoutError):
        return None
    return LogFacts(
        name,
        facts.created,
        first,
        last,
        None if message is None else parse_instant(message["time"]) / 1e9,
        facts.settings.get("max_age", 0) / 1e9,
    )
