"""Asking for a digest and waiting for it."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

from ops.cli.failures import CommandError
from ops.publication import publish_proved

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from nats.aio.client import Client
    from nats.aio.msg import Msg

    from bus.subjects import Subjects

_PARTS_APART_S = 0.5
"""All parts of a digest are sent at once; how many there are, none of them says."""


async def request_digest(
    client: Client, subjects: Subjects, user: str, timeout_s: float
) -> AsyncIterator[Msg]:
    """Ask for a user's digest and yield its messages, one unless it was split.

    Raises ``CommandError`` when none comes in time.
    """
    arrived: asyncio.Queue[Msg] = asyncio.Queue()

    async def take(msg: Msg) -> None:
        if _is_of(user, msg.data):
            arrived.put_nowait(msg)

    await client.subscribe(subjects.alarm_digest, cb=take)
    await client.flush()
    body = json.dumps({"UserID": user}, ensure_ascii=False).encode()
    await publish_proved(client, subjects.send_alarm_digest, body)
    try:
        first = await asyncio.wait_for(arrived.get(), timeout_s)
    except TimeoutError:
        raise CommandError(
            f"no digest within {timeout_s:g} s; an empty one is not published where EMPTY_DIGESTS "
            "is skip"
        ) from None
    yield first
    digest_id = _digest_id_of_part(first)
    while digest_id is not None:
        try:
            part = await asyncio.wait_for(arrived.get(), _PARTS_APART_S)
        except TimeoutError:
            return
        if _digest_id_of_part(part) == digest_id:
            yield part


def _is_of(user: str, body: bytes) -> bool:
    try:
        return bool(json.loads(body)["UserID"] == user)
    except (ValueError, KeyError, TypeError):
        return False


def _digest_id_of_part(msg: Msg) -> str | None:
    """Return the id of the digest that a message is one part of; None for a whole digest."""
    digest_id, dot, _ = (msg.headers or {}).get("Nats-Msg-Id", "").partition(".")
    return digest_id if dot else None
