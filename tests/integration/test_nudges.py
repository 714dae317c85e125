"""Nudges over a real server: the others hear them, oneself does not, and none is kept for later."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from random import Random
from typing import TYPE_CHECKING

from bus.connection.connection import Connection
from bus.nudges import NUDGED_AT_MOST_EVERY_S, NatsNudging
from bus.settings import BusSettings
from tests.broker import Names
from tests.servers import prepare_nats, running

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


class Listener:
    """An instance, as far as nudges go."""

    def __init__(self, url: str, group: str) -> None:
        """Begin."""
        settings = BusSettings(urls=(url,), queue_group=group)
        self.connection = Connection(settings, Random(), lambda _: None)
        self.heard = 0
        self.nudging = NatsNudging(self.connection, settings.nudge_subject, self._on_nudge)

    def _on_nudge(self) -> None:
        self.heard += 1

    async def hears(self, count: int) -> None:
        """Return once it has heard so many, or fail."""
        async with asyncio.timeout(10):
            while self.heard < count:  # noqa: ASYNC110  # counts what a server sends
                await asyncio.sleep(0.005)


async def connections_are(*listeners: Listener, up: bool) -> None:
    """Return once all are connected, or none is."""
    async with asyncio.timeout(20):
        while any(one.connection.connected is not up for one in listeners):  # noqa: ASYNC110
            await asyncio.sleep(0.01)


@asynccontextmanager
async def listening(url: str, *groups: str) -> AsyncIterator[list[Listener]]:
    """Connect instances, one a group."""
    listeners = [Listener(url, group) for group in groups]
    try:
        for one in listeners:
            await one.connection.open()
            await one.nudging.start()
            await one.connection.client.flush()
        yield listeners
    finally:
        for one in listeners:
            await one.nudging.close()
            await one.connection.close()


async def test_the_others_hear_it_and_oneself_does_not(nats_url: str) -> None:
    """Nor does another deployment on the same servers."""
    group = Names().consumer
    async with listening(nats_url, group, group, group, Names().consumer) as listeners:
        me, second, third, stranger = listeners
        me.nudging.nudge()
        await second.hears(1)
        await third.hears(1)
        await me.connection.client.flush()
        assert (me.heard, stranger.heard) == (0, 0)


async def test_many_nudges_are_few_messages(nats_url: str) -> None:
    """At once, and once more at the end: what changed last is heard of too."""
    group = Names().consumer
    async with listening(nats_url, group, group) as (me, other):
        for _ in range(1000):
            me.nudging.nudge()
        await other.hears(2)
        await asyncio.sleep(4 * NUDGED_AT_MOST_EVERY_S)
        assert other.heard == 2


async def test_a_flood_of_anybody_elses_is_bounded(nats_url: str) -> None:
    """Whoever may publish there can make us look, but not in a hot loop."""
    group = Names().consumer
    async with listening(nats_url, group) as (me,):
        subject = BusSettings(queue_group=group).nudge_subject
        began_s = time.monotonic()
        for _ in range(2000):
            await me.connection.client.publish(subject, b"somebody")
        await me.connection.client.flush()
        await me.hears(2)
        took_s = time.monotonic() - began_s
        assert me.heard <= 2 + took_s / NUDGED_AT_MOST_EVERY_S


async def test_it_goes_on_after_the_server_was_away(tmp_path: Path) -> None:
    """What was nudged meanwhile is lost: everybody looks by himself before it would come."""
    with running(prepare_nats(tmp_path / "nats")) as server:
        async with listening(server.url, "g", "g") as (me, other):
            server.child.kill()
            await connections_are(me, other, up=False)
            me.nudging.nudge()
            await asyncio.sleep(2 * NUDGED_AT_MOST_EVERY_S)
            server.child.start()
            await connections_are(me, other, up=True)
            await other.connection.client.flush()
            assert other.heard == 0
            me.nudging.nudge()
            await other.hears(1)
