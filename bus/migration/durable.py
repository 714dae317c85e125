"""The durable consumer of the earlier version: found, seen at work, forgotten."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

from nats.js.errors import NotFoundError

if TYPE_CHECKING:
    from bus.streams.api import JetStreamAPI

_EARLIER_ASKED_S = 2.0
_QUIET_WITHIN_S = 3.0


async def earlier_consumer(
    api: JetStreamAPI, stream: str, durable: str, timeout_s: float = _EARLIER_ASKED_S
) -> dict[str, Any] | None:
    """Return the durable consumer that the earlier version took messages from; None without.

    Raises ``nats.errors.Error``.
    """
    try:
        info = await api.ask(f"CONSUMER.INFO.{stream}.{durable}", timeout_s=timeout_s)
    except NotFoundError:
        return None
    # One of that name which does not acknowledge was never the earlier version's.
    return info if info["config"].get("ack_policy") == "explicit" else None


async def at_work(api: JetStreamAPI, stream: str, durable: str, quiet_for_s: float) -> str | None:
    """Return why instances of the earlier version seem to run; None when they are quiet.

    Whoever takes messages from the durable consumer asks for more all the time; one whose window
    is full acknowledges. A request of one that was killed goes within moments.
    """
    until_s = time.monotonic() + _QUIET_WITHIN_S
    while True:
        before = await earlier_consumer(api, stream, durable)
        if before is None:
            return None
        waiting = int(before.get("num_waiting") or 0)
        if not waiting:
            break
        if time.monotonic() > until_s:
            return f"{waiting} requests for messages wait at consumer {durable}"
        await asyncio.sleep(0.2)
    await asyncio.sleep(quiet_for_s)
    after = await earlier_consumer(api, stream, durable) or before
    if after.get("num_waiting") or any(
        after[what]["consumer_seq"] != before[what]["consumer_seq"]
        for what in ("delivered", "ack_floor")
    ):
        return f"consumer {durable} is at work: it delivers, or is acknowledged to"
    return None


async def forget_consumer(api: JetStreamAPI, stream: str, durable: str) -> None:
    """Delete it; it is fine if it is gone already. Raises ``nats.errors.Error``."""
    try:
        await api.ask(f"CONSUMER.DELETE.{stream}.{durable}")
    except NotFoundError:
        return
