"""Purging the log: what every partition has passed and is old besides is removed.

Only from a stream that the service made, and only while it is certain that the positions are
places of this very stream. Whatever is not certain is left until the next round.
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING, Protocol

from nats.errors import Error as NatsError

from actors.errors import StoreUnavailableError
from actors.rules.partitions import PARTITIONS
from bus.streams.api import JetStreamAPI
from bus.wire.instants import parse_instant

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from nats.aio.client import Client

    from actors.rules.partitions import HomesView, InstanceID
    from actors.rules.positions import Place
    from bus.streams.topology import Topology

logger = logging.getLogger("bus.purge")

PURGED_EVERY_S = 30.0
ROUND_MAX_S = 10.0
"""What was found out longer ago may not be true any more: the process may have stood still."""


class PositionsStore(Protocol):
    """What purging needs of ``HomeStore``. Each method raises ``StoreUnavailableError``."""

    async def look(self) -> HomesView:
        """See ``HomeStore``."""

    async def note_stream(self, name: str, created: str) -> None:
        """Remember a stream that the service made, and when that was."""

    async def streams_made(self) -> Mapping[str, str]:
        """Return the streams that the service made, with when each was."""


def purge_up_to(
    positions: Iterable[Place], log: str, put_at: Mapping[int, int], kept_from: int
) -> int | None:
    """Return the sequence below which nothing is needed; None where that cannot be said.

    ``log`` is the stream as it is now, ``put_at`` when the messages that positions stand on were
    put into it, in ns since 1970, by sequence; ``kept_from`` the first sequence that is too young
    to go. A position of another log says nothing of this one, nor does one on a message that the
    broker lost since, with its tail: what has its sequence now was never read. The messages that
    positions stand on stay: they tell later that the log is still the same.
    """
    settled = list(positions)
    if len(settled) < PARTITIONS or any(place.log != log for place in settled):
        return None
    if any(put_at.get(place.sequence) != place.timestamp_ns for place in settled):
        return None
    return min(kept_from, *(place.sequence for place in settled))


class Purger:
    """Purges now and then, if this instance is at home for partition 0. Runs on the bus's loop."""

    def __init__(
        self,
        client: Client,
        store: PositionsStore,
        me: InstanceID,
        topology: Callable[[], Topology],
        history_s: float,
        clock_s: Callable[[], float] = lambda: time.clock_gettime(time.CLOCK_BOOTTIME),
        wall_s: Callable[[], float] = time.time,
    ) -> None:
        """Prepare; ``topology`` is the stream that is read now.

        ``clock_s`` must go on while the process, or its machine, stands still.
        """
        self._api = JetStreamAPI(client)
        self._store = store
        self._me = me
        self._topology = topology
        self._history_s = history_s
        self._clock_s = clock_s
        self._wall_s = wall_s
        self._remembered = ""

    async def run(self) -> None:
        """Purge every half minute, until cancelled."""
        while True:
            try:
                await self.remember()
                await self.purge()
            except (NatsError, OSError, StoreUnavailableError, LookupError, ValueError) as error:
                # The latter two: an answer of another form than the server's.
                logger.warning("log.not_purged", extra={"error": str(error) or repr(error)})
            await asyncio.sleep(PURGED_EVERY_S)

    async def remember(self) -> None:
        """Have the store know the stream if it was made by us; only such a one is purged."""
        topology = self._topology()
        if topology.made and topology.stream_created != self._remembered:
            await self._store.note_stream(topology.stream, topology.stream_created)
            self._remembered = topology.stream_created

    async def purge(self) -> int:
        """Remove what is not needed any more; return how many messages that were.

        Raises ``StoreUnavailableError`` and ``nats.errors.Error``.
        """
        began_s = self._clock_s()
        name = self._topology().stream
        view = await self._store.look()
        home = next((one.home for one in view.partitions if one.number == 0), None)
        created = (await self._store.streams_made()).get(name)
        if home != self._me or created is None:
            return 0
        positions = [one.position for one in view.partitions]
        put_at = await self._put_at(name, {place.sequence for place in positions})
        if purge_up_to(positions, created, put_at, 0) is None:
            return 0
        kept_from = await self._kept_from(name)
        # Read last: between this answer and the purge nothing is waited for.
        stream = await self._api.stream(name)
        up_to = purge_up_to(positions, stream.created, put_at, kept_from)
        if up_to is None or up_to <= stream.state["first_seq"]:
            return 0
        if self._clock_s() - began_s > ROUND_MAX_S:
            logger.info("log.purge_skipped", extra={"stream": name})
            return 0
        answer = await self._api.ask(f"STREAM.PURGE.{name}", {"seq": up_to})
        removed = int(answer.get("purged") or 0)
        logger.info("log.purged", extra={"stream": name, "below": up_to, "messages": removed})
        return removed

    async def _put_at(self, stream: str, sequences: Iterable[int]) -> dict[int, int]:
        """Return when the messages at these sequences were put into the stream, if they are there.

        Asked for one by one, as many as there are partitions at the most, twice a minute.
        """
        put_at: dict[int, int] = {}
        for sequence in sequences:
            message = await self._api.message(stream, sequence) if sequence else None
            if message is None:
                break
            put_at[sequence] = parse_instant(message["time"])
        return put_at

    async def _kept_from(self, stream: str) -> int:
        """Return the first sequence that is younger than what is kept for history.

        Of two clocks the slower one is believed.
        """
        now_ns = int(self._wall_s() * 1e9)
        asked_at = (await self._api.stream(stream)).asked_at
        if asked_at is not None:
            now_ns = min(now_ns, parse_instant(asked_at))
        since_ns = max(0, now_ns - int(self._history_s * 1e9))
        return await self._api.sequence_since(stream, since_ns)
