"""Purging on a real server: what is removed, and every reason for which nothing is."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import nats
import pytest

from actors.rules.partitions import PARTITIONS, HomesView, InstanceID, Partition
from actors.rules.positions import BEGIN, Place
from bus.streams.api import JetStreamAPI
from bus.streams.purge import ROUND_MAX_S, Purger
from bus.streams.topology import Topology
from bus.wire.instants import parse_instant
from tests.broker import Names

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from nats.aio.client import Client

ME, OTHER = InstanceID("me"), InstanceID("other")
COUNT = 20


class Stage:
    """A stream of twenty old messages and five young ones, and what a store says of it."""

    def __init__(self, client: Client) -> None:
        """Begin; ``fill`` makes the stream."""
        self.client = client
        self.api = JetStreamAPI(client)
        self.name = Names().input_stream
        self.home: InstanceID | None = ME
        self.position = BEGIN
        self.lowest: Place | None = None
        self.remembered: dict[str, str] = {}
        self.clock_s = 0.0
        self.stands_still_s = 0.0
        self.history_s = 0.0
        self.topology = Topology(self.name, "")

    async def fill(self) -> None:
        """Create the stream; a good while lies between old messages and young."""
        wanted = {"name": self.name, "subjects": [self.name], "retention": "limits"}
        made = await self.api.create(wanted)
        self.topology = Topology(self.name, made.created, made=True)
        for _ in range(COUNT):
            await self.client.request(self.name, b"old", timeout=5)
        await asyncio.sleep(0.3)
        began_s = time.time()
        for _ in range(5):
            await self.client.request(self.name, b"young", timeout=5)
        self.history_s = time.time() - began_s + 0.1
        self.position = await self.place(COUNT + 5)

    async def place(self, sequence: int) -> Place:
        """Return where a message stands."""
        message = await self.api.message(self.name, sequence)
        assert message is not None
        return Place(sequence, parse_instant(message["time"]), self.topology.stream_created)

    async def first(self) -> int:
        """Return the first sequence that is left."""
        return int((await self.api.stream(self.name)).state["first_seq"])

    async def look(self) -> HomesView:
        """See ``PositionsStore``."""
        self.clock_s += self.stands_still_s
        lowest = self.lowest or self.position
        positions = [lowest, *[self.position] * (PARTITIONS - 1)]
        return HomesView(
            (), tuple(Partition(n, self.home, 1, place) for n, place in enumerate(positions))
        )

    async def note_stream(self, name: str, created: str) -> None:
        """See ``PositionsStore``."""
        self.remembered[name] = created

    async def streams_made(self) -> dict[str, str]:
        """See ``PositionsStore``."""
        return self.remembered

    def purger(self) -> Purger:
        """Return what is tested."""
        return Purger(
            self.client, self, ME, lambda: self.topology, self.history_s, lambda: self.clock_s
        )


@asynccontextmanager
async def staged(nats_url: str) -> AsyncIterator[Stage]:
    """Connect, and fill the stream."""
    client = await nats.connect(nats_url)
    try:
        stage = Stage(client)
        await stage.fill()
        yield stage
    finally:
        await client.close()


async def test_what_all_have_passed_and_is_old_is_removed(nats_url: str) -> None:
    """The young stay, though they are settled; a second round finds nothing to do."""
    async with staged(nats_url) as stage:
        purger = stage.purger()
        await purger.remember()
        assert await purger.purge() == COUNT
        assert await stage.first() == COUNT + 1
        assert await purger.purge() == 0
        consumers = await stage.client.jetstream().consumers_info(stage.name)
    assert consumers == [], "what looked is gone"


async def test_the_lowest_position_holds_the_rest_back(nats_url: str) -> None:
    """And the message that it stands on is still there."""
    async with staged(nats_url) as stage:
        stage.lowest = await stage.place(7)
        stage.history_s = 0.0
        purger = stage.purger()
        await purger.remember()
        assert await purger.purge() == 6
        assert await stage.place(7) == stage.lowest


async def test_without_history_all_but_the_last_settled_one_goes(nats_url: str) -> None:
    """``INPUT_HISTORY`` 0: nothing is kept longer than it must."""
    async with staged(nats_url) as stage:
        stage.history_s = 0.0
        purger = stage.purger()
        await purger.remember()
        assert await purger.purge() == COUNT + 4
        assert await stage.first() == COUNT + 5


async def test_what_is_all_young_stays(nats_url: str) -> None:
    """An hour, by default."""
    async with staged(nats_url) as stage:
        stage.history_s = 3600.0
        purger = stage.purger()
        await purger.remember()
        assert await purger.purge() == 0
        assert await stage.first() == 1


@pytest.mark.parametrize(
    "why",
    ["not at home", "nobody at home", "not made", "made before", "another log", "no log", "pause"],
)
async def test_nothing_is_removed_while_anything_is_in_doubt(nats_url: str, why: str) -> None:
    """Each reason alone is enough; without it the same round removes them."""
    async with staged(nats_url) as stage:
        purger = stage.purger()
        await purger.remember()
        remembered, position, other = dict(stage.remembered), stage.position, "2020-01-01T00:00:00Z"
        if why == "not at home":
            stage.home = OTHER
        elif why == "nobody at home":
            stage.home = None
        elif why == "not made":
            stage.remembered.clear()
        elif why == "made before":
            stage.remembered[stage.name] = other
        elif why == "another log":
            stage.lowest = position._replace(log=other)
        elif why == "no log":
            stage.lowest = BEGIN
        elif why == "pause":
            stage.stands_still_s = ROUND_MAX_S + 1
        assert await purger.purge() == 0
        assert await stage.first() == 1
        stage.home, stage.remembered, stage.lowest, stage.stands_still_s = ME, remembered, None, 0.0
        assert await purger.purge() == COUNT


async def test_a_stream_that_was_made_anew_is_left_alone(nats_url: str) -> None:
    """All positions are of the former one; its sequences are other messages here."""
    async with staged(nats_url) as stage:
        purger = stage.purger()
        await purger.remember()
        await stage.api.delete(stage.name)
        position = stage.position
        await stage.fill()
        stage.position = position
        assert await purger.purge() == 0
        await purger.remember()
        assert await purger.purge() == 0, "made by us, and no position is of it yet"
        assert await stage.first() == 1


async def test_a_stream_of_somebody_elses_is_not_remembered(nats_url: str) -> None:
    """What was found is the operator's, whatever it looks like."""
    async with staged(nats_url) as stage:
        stage.topology = Topology(stage.name, stage.topology.stream_created)
        purger = stage.purger()
        await purger.remember()
        assert stage.remembered == {}
        assert await purger.purge() == 0
