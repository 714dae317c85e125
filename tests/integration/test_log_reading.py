"""The reader on a real server that is killed, loses data, or has its consumers deleted."""

from __future__ import annotations

import asyncio
import shutil
from contextlib import asynccontextmanager
from random import Random
from typing import TYPE_CHECKING

import nats
import orjson
import pytest
from nats.js.api import StreamConfig

from actors.rules.partitions import PARTITIONS, InstanceID, Partition
from actors.rules.positions import BEGIN, Place
from bus.connection.connection import Connection
from bus.inbound.intake import Intake
from bus.inbound.log_reader import LogReader
from bus.inbound.stream.captures import Captures
from bus.inbound.stream.source import StreamSource
from bus.settings import BusSettings
from bus.subjects import Subjects
from bus.tally import BusTally
from tests.servers import paused, prepare_nats, running
from tests.unit.bus.letters import RecordingLetters

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping
    from pathlib import Path

    from nats.aio.client import Client

    from actors.messages.router import RouteDeliveries

STREAM = "INPUT"
SUBJECT = "AlarmStatusChanged"
DEADLINE_S = 30.0


class Process:
    """One process that is at home for all partitions."""

    def __init__(self, url: str) -> None:
        """Prepare."""
        settings = BusSettings(urls=(url,))
        self.tally = BusTally()
        self.taken: list[str] = []
        self.fell: list[Mapping[int, Place]] = []
        self.connection = Connection(settings, Random(0), _fail)
        self.source = StreamSource(
            self.connection, STREAM, self.tally, lambda: None, Captures(Subjects())
        )
        letters = RecordingLetters()
        self.intake = Intake(
            settings.subjects,
            1000,
            500,
            self._deliver,
            letters,
            lambda *_: self.reader.ask_for_more(),
            self.tally,
        )
        self.reader = LogReader(self.source, self.intake, self.tally, self.fell.append)

    async def open(self) -> None:
        """Connect, and read from the begin."""
        await self.connection.open()
        await self.source.open()
        self.reader.start()
        me = InstanceID("me")
        self.reader.gain([Partition(number, me, 1, BEGIN) for number in range(PARTITIONS)])

    async def close(self) -> None:
        """End."""
        self.reader.close()
        self.source.close()
        await self.connection.close()

    def _deliver(self, deliveries: RouteDeliveries) -> None:
        for delivery in deliveries.items:
            self.taken.append(getattr(delivery.body, "alarm_id", ""))
        tokens = [delivery.token for delivery in deliveries.items]
        asyncio.get_running_loop().call_soon(self.intake.settle, tokens)


@asynccontextmanager
async def _reading(url: str) -> AsyncIterator[tuple[Process, Client]]:
    operator = await nats.connect(url, max_reconnect_attempts=-1, reconnect_time_wait=0)
    await operator.jetstream().add_stream(StreamConfig(name=STREAM, subjects=[SUBJECT]))
    process = Process(url)
    await process.open()
    try:
        yield process, operator
    finally:
        await process.close()
        await operator.close()


async def _put(operator: Client, first: int, count: int) -> list[str]:
    """Publish so many events, each until the stream has it; return their names."""
    names = [f"{number}" for number in range(first, first + count)]
    for name in names:
        body = {"UserID": f"u{int(name) % 100}", "AlarmID": name, "Status": "WARNING"}
        content = orjson.dumps({**body, "ChangedAt": "2021-06-07T20:40:15Z"})
        async with asyncio.timeout(DEADLINE_S):
            while True:
                try:
                    await operator.jetstream().publish(
                        SUBJECT, content, timeout=1, headers={"Nats-Msg-Id": name}
                    )
                except nats.errors.Error:
                    await asyncio.sleep(0.05)
                else:
                    break
    return names


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while not condition():  # noqa: ASYNC110  # the process under test has no event for it
            await asyncio.sleep(0.02)


def _fail(reason: str) -> None:
    raise AssertionError(reason)


async def test_a_killed_server_costs_nothing_and_repeats_nothing(tmp_path: Path) -> None:
    """Whatever was on its way when the connection broke."""
    with running(prepare_nats(tmp_path / "nats")) as server:
        async with _reading(server.url) as (process, operator):
            names = await _put(operator, 0, 300)
            server.child.kill()
            server.child.start()
            names += await _put(operator, 300, 300)
            await _until(lambda: len(process.taken) >= 600)
            assert process.taken == names
            assert process.fell == []


async def test_a_server_that_stands_still_is_gone_on_with(tmp_path: Path) -> None:
    """Silence is noticed while the connection is there."""
    with running(prepare_nats(tmp_path / "nats")) as server:
        async with _reading(server.url) as (process, operator):
            names = await _put(operator, 0, 50)
            await _until(lambda: len(process.taken) == 50)
            with paused(server):
                await _until(lambda: not process.reader.able)
            names += await _put(operator, 50, 50)
            await _until(lambda: len(process.taken) >= 100)
            assert process.taken == names


async def test_consumers_that_are_deleted_all_the_time_are_replaced(nats_url: str) -> None:
    """Nothing is lost, repeated or out of order."""
    async with _reading(nats_url) as (process, operator):
        js = operator.jetstream()
        names: list[str] = []
        try:
            for first in range(0, 500, 50):
                names += await _put(operator, first, 50)
                for info in await js.consumers_info(STREAM):
                    await js.delete_consumer(STREAM, info.name)
            await _until(lambda: len(process.taken) >= 500)
            assert process.taken == names
        finally:
            await js.delete_stream(STREAM)


async def test_a_stream_made_anew_is_read_from_its_begin(nats_url: str) -> None:
    """Its sequences begin again below those that were read."""
    async with _reading(nats_url) as (process, operator):
        js = operator.jetstream()
        await _put(operator, 0, 40)
        await _until(lambda: len(process.taken) == 40)
        process.reader.positions()
        await js.delete_stream(STREAM)
        await js.add_stream(StreamConfig(name=STREAM, subjects=[SUBJECT]))
        try:
            names = await _put(operator, 1000, 20)
            await _until(lambda: len(process.taken) >= 60)
            assert process.taken[40:] == names
            assert [place.sequence for place in process.fell[0].values()] == [0] * PARTITIONS
        finally:
            await js.delete_stream(STREAM)


async def test_a_tail_that_a_server_lost_is_noticed(tmp_path: Path) -> None:
    """A copy of its store put back: what is new has sequences that were read."""
    folder, copy = tmp_path / "nats", tmp_path / "copy"
    with running(prepare_nats(folder)) as server:
        async with _reading(server.url) as (process, operator):
            await _put(operator, 0, 100)
            await _until(lambda: len(process.taken) == 100)
            process.reader.positions()
            server.child.kill()
            shutil.copytree(folder, copy)
            server.child.start()
            await _put(operator, 100, 50)
            await _until(lambda: len(process.taken) == 150)
            server.child.kill()
            shutil.rmtree(folder)
            shutil.copytree(copy, folder)
            server.child.start()
            names = await _put(operator, 1000, 20)
            await _until(lambda: len(process.taken) >= 170)
            assert process.taken[150:] == names
            assert process.tally.falls == 1


@pytest.mark.parametrize("tail", ["x", "1", "3", "99999999999999999999999", "1.2"])
async def test_a_strangers_frames_end_nothing(nats_url: str, tail: str) -> None:
    """Whoever may publish can write to an inbox."""
    async with _reading(nats_url) as (process, operator):
        try:
            names = await _put(operator, 0, 5)
            await _until(lambda: len(process.taken) == 5)
            inbox = f"{process.source._addresses.inbox}.{tail}"
            for body in (b"", b"[]", b"{}", b'{"error":1}', b"\xff"):
                for reply in ("", "stranger", "$JS.ACK.INPUT.c.1.2.3.4.5", "$JS.ACK.a.b.c.d.e.f.g"):
                    await operator.publish(inbox, body, reply)
            await operator.flush()
            names += await _put(operator, 5, 5)
            await _until(lambda: len(process.taken) >= 10)
            assert process.taken == names
            assert process.reader.flows
        finally:
            await operator.jetstream().delete_stream(STREAM)
