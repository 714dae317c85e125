"""Moving messages from one stream to another: in order, once, and from where it was left.

Each copy bears where it stood (``bus.wire.earlier``), so that the new stream itself tells how far
the moving has come, and each publication names the sequence that it must follow: one that was lost
lets those behind it be refused, and two who move at a time cannot both succeed.
"""

from __future__ import annotations

import asyncio
import base64
import json
import logging
from typing import TYPE_CHECKING, Any, NamedTuple

from nats.errors import MaxPayloadError

from actors.rules.positions import BEGIN, Place
from bus.errors import MigrationRefusedError
from bus.streams.api import PASSING, TIMEOUT_S, JetStreamAPI
from bus.wire.earlier import HEADER, earlier_id, earlier_id_in, earlier_sequence
from bus.wire.instants import parse_instant

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

    from bus.streams.api import StreamFacts

logger = logging.getLogger("bus.moving")

_BATCH = 64
"""Messages under way at a time; of the largest that servers take by default, 64 MiB."""
_TRIES = 5
"""In a row that move nothing, before it is given up."""
_RETRY_S = 1.0


class Stored(NamedTuple):
    """A message as it stands in the stream that is left."""

    subject: str
    sequence: int
    timestamp_ns: int
    headers: Mapping[str, str]
    """Without those that were meant for the stream that is left."""
    body: bytes


class Moving:
    """Moves from ``old`` to ``new``, both by name. Runs on the connection's event loop."""

    def __init__(
        self, api: JetStreamAPI, old: str, new: str, route: Callable[[str], str | None]
    ) -> None:
        """Prepare; ``route`` gives where to publish a copy of what stands under a subject.

        None for a subject of which nothing is moved.
        """
        self._api = api
        self._old = old
        self._new = new
        self._route = route

    async def move(self, moved: Callable[[int], None], *, alone: bool) -> int:
        """Move what is there now and was not moved yet; return how many that were.

        ``moved`` is called with how many more. ``alone``: nobody else publishes to the new
        stream; else each copy is waited for, or one that was lost would be followed by others.
        Raises ``MigrationRefusedError`` and ``nats.errors.Error``.
        """
        count = tries = 0
        trouble = ""
        while tries < _TRIES:
            before = count
            try:
                async for step in self._pass(alone=alone):
                    count += step
                    moved(step)
            except (_NotStoredError, *PASSING) as error:
                tries = 0 if count > before else tries + 1
                trouble = str(error) or repr(error)
                logger.warning("moving.repeated", extra={"error": trouble})
                await asyncio.sleep(_RETRY_S)
            else:
                return count
        raise MigrationRefusedError(
            f"what is in {self._old} cannot be moved to {self._new} now: {trouble}; see the NATS "
            "server's log, then run this again: it goes on where it was left"
        )

    async def _pass(self, *, alone: bool) -> AsyncIterator[int]:
        """Yield how many were moved, batch after batch."""
        # What is behind this may come while we look, in any order of our questions.
        last = int((await self._api.stream(self._old)).state["last_seq"])
        place, at = await self._moved_up_to()
        while place < last:
            batch = await self._read(place + 1, last)
            if not batch:
                return
            routed = [one for one in batch if self._route(one.subject) is not None]
            if alone:
                await asyncio.gather(
                    *(self._put(one, at + number) for number, one in enumerate(routed))
                )
            else:
                for one in routed:
                    await self._put(one, None)
            at += len(routed)
            place = batch[-1].sequence
            yield len(routed)

    async def _moved_up_to(self) -> tuple[int, int]:
        """Return the former sequence of what was moved last, and the new stream's last sequence."""
        state = (await self._api.stream(self._new)).state
        last, first = int(state["last_seq"]), int(state["first_seq"])
        for sequence in range(last, max(first, 1) - 1, -1):
            message = await self._api.message(self._new, sequence)
            name = None if message is None else earlier_id_in(_headers(message))
            if name is not None:
                return earlier_sequence(name), last
        return 0, last

    async def _read(self, begin: int, last: int) -> list[Stored]:
        """Return messages from ``begin`` on, in order; none when there are none up to ``last``."""
        sequences = range(begin, min(begin + _BATCH, last + 1))
        found = await asyncio.gather(*(self._api.message(self._old, one) for one in sequences))
        batch = [stored(message) for message in found if message is not None]
        if batch:
            return batch
        # Most of a work queue is holes where messages wait that were not acknowledged.
        next_one = await self._api.message_from(self._old, begin)
        return [] if next_one is None or next_one["seq"] > last else [stored(next_one)]

    async def _put(self, message: Stored, behind: int | None) -> None:
        """Publish a copy, and see it stored; ``behind`` is the sequence that it must follow."""
        name = earlier_id(message.sequence, message.timestamp_ns)
        headers = {
            **message.headers,
            HEADER: name,
            "Nats-Msg-Id": f"{self._old}.{name}",
            "Nats-Expected-Stream": self._new,
        }
        if behind is not None:
            headers["Nats-Expected-Last-Sequence"] = str(behind)
        subject = self._route(message.subject)
        assert subject is not None
        try:
            answer = await self._api.client.request(
                subject, message.body, timeout=TIMEOUT_S, headers=headers
            )
        except MaxPayloadError:
            raise MigrationRefusedError(
                f"message {message.sequence} of stream {self._old} leaves no room for the headers "
                "it is moved with; raise the server's max_payload by 1 KiB, then run this again"
            ) from None
        said = json.loads(answer.data) if answer.data else {}
        if "error" in said or "seq" not in said:
            raise _NotStoredError(f"{name}: {said.get('error', {}).get('description', said)}")


class _NotStoredError(Exception):
    """Raised when a copy was refused: one before it was lost, or the stream has no room."""


async def place_at(api: JetStreamAPI, log: StreamFacts, floor: int) -> Place:
    """Return the place of the last message that is still there up to ``floor``."""
    first = max(1, int(log.state["first_seq"]))
    for sequence in range(floor, first - 1, -1):
        message = await api.message(log.name, sequence)
        if message is not None:
            return Place(sequence, parse_instant(message["time"]), log.created)
    below = min(floor, first - 1)
    return Place(below, 0, log.created) if below > 0 else BEGIN


def stored(message: Mapping[str, Any]) -> Stored:
    """Return a message as the API tells it, ready to be published again.

    Headers of NATS' own were meant for the stream that had it: what it must follow there, when it
    is to vanish, and an id that a later message may bear again, which here came within one window.
    """
    lines = _headers(message).decode(errors="replace").split("\r\n")[1:]
    headers = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if colon and not name.lower().startswith("nats-"):
            headers[name.strip()] = value.strip()
    return Stored(
        message["subject"],
        message["seq"],
        parse_instant(message["time"]),
        headers,
        base64.b64decode(message.get("data") or ""),
    )


def _headers(message: Mapping[str, Any]) -> bytes:
    return base64.b64decode(message.get("hdrs") or "")
