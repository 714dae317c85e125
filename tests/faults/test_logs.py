"""The input stream is not what it was: made anew, without its tail, or short of unread messages."""

from __future__ import annotations

import asyncio
import shutil
from typing import TYPE_CHECKING

import pytest

from tests.deployment import Deployment
from tests.pairs import Pairs
from tests.patience import PATIENCE_S
from tests.probes import ANY_PORT, monitoring

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.servers import Server


@pytest.fixture
def own(own_nats: Server, mongodb_uri: str, tmp_path: Path) -> Iterator[Deployment]:
    """A deployment on it."""
    deployment = Deployment(own_nats.url, mongodb_uri, tmp_path)
    yield deployment
    deployment.end()


async def test_two_instances_read_a_stream_that_was_made_anew_from_its_begin(
    deployment: Deployment,
) -> None:
    """It hands out the sequences of the former one again; requests there are unanswered."""
    pairs = Pairs(deployment.names, users=20)
    services = [deployment.start() for _ in range(2)]
    async with deployment.broker() as broker:
        await broker.shared(32, 32)
        await broker.put_many(pairs.next(100))
        await broker.settled()
        before = await broker.positions()
        await broker.js.delete_stream(deployment.names.input_stream)
        # Which of them makes it is the luck of the moment.
        for service in services:
            service.wait_for("log.not_the_same")
        await broker.put_many(pairs.next(50))
        await broker.settled()
        after = await broker.positions()
        assert pairs.wrong(await broker.digests()) == []
    assert set(before.values()) == {200}
    assert set(after.values()) == {100}
    for service in services:
        assert {event["level"] for event in service.events("log.not_the_same")} == {"error"}
    assert [service.terminate() for service in services] == [0, 0]


@pytest.mark.long
async def test_two_instances_go_on_behind_a_tail_that_the_broker_lost(
    own: Deployment, own_nats: Server, tmp_path: Path
) -> None:
    """A copy of its store is put back, with events and requests on both sides of the cut.

    What was lost had been told, or not; what is new has its sequences, and is all told.
    """
    stream = tmp_path / "nats" / "jetstream" / "$G" / "streams" / own.names.input_stream
    pairs = Pairs(own.names, users=20)
    services = [own.start() for _ in range(2)]
    async with own.broker() as broker:
        await broker.shared(32, 32)
        await broker.put_many(pairs.next(100))
        await broker.settled()
        own_nats.child.stop()
        shutil.copytree(stream, tmp_path / "copy")
        own_nats.child.start()
    async with own.broker() as broker:
        await broker.put_many(pairs.next(100))
        await broker.settled()
        own_nats.child.kill()
        shutil.rmtree(stream)
        shutil.move(tmp_path / "copy", stream)
        own_nats.child.start()
    async with own.broker() as broker:
        assert (await broker.js.stream_info(own.names.input_stream)).state.last_seq == 200
        await broker.put_many(pairs.next(50))
        for service in services:
            service.wait_for("log.not_the_same")
        # Until they are lowered, a moment after that is logged, those of the lost tail are above.
        async with asyncio.timeout(PATIENCE_S):
            while set((await broker.positions()).values()) != {300}:  # noqa: ASYNC110  # a server
                await asyncio.sleep(0.05)
        assert pairs.wrong(await broker.digests()) == []
        await broker.put_many(pairs.next(50))
        await broker.settled()
        assert pairs.wrong(await broker.digests()) == []
    assert [service.terminate() for service in services] == [0, 0]


@pytest.mark.long
async def test_a_tail_that_is_lost_while_nobody_runs_is_noticed_at_the_start(
    own: Deployment, own_nats: Server, tmp_path: Path
) -> None:
    """From the positions alone."""
    stream = tmp_path / "nats" / "jetstream" / "$G" / "streams" / own.names.input_stream
    pairs = Pairs(own.names, users=20)
    service = own.start()
    async with own.broker() as broker:
        await broker.put_many(pairs.next(50))
        await broker.settled()
        own_nats.child.stop()
        shutil.copytree(stream, tmp_path / "copy")
        own_nats.child.start()
    async with own.broker() as broker:
        await broker.put_many(pairs.next(50))
        await broker.settled()
    assert service.terminate() == 0
    own_nats.child.stop()
    shutil.rmtree(stream)
    shutil.move(tmp_path / "copy", stream)
    own_nats.child.start()
    async with own.broker() as broker:
        await broker.put_many(pairs.next(100))
        service = own.start()
        await broker.settled()
        assert pairs.wrong(await broker.digests()) == []
    assert service.events("log.not_the_same")
    assert service.terminate() == 0


async def test_what_a_limit_discarded_unread_is_said_with_how_much(
    deployment: Deployment,
) -> None:
    """As an error and in a metric, each message once; what is left is told."""
    async with deployment.broker() as broker:
        await broker.create_input_stream(max_msgs=100)
        service = deployment.start()
        for number in range(10):
            await broker.event("u", f"read-{number}")
        await broker.settled()
        assert service.terminate() == 0
        for number in range(500):
            await broker.event(f"user-{number % 100}", f"unread-{number}")
        service = deployment.start(HTTP_ADDRESS=ANY_PORT)
        await broker.request("u")
        digest = await broker.next_digest()
        await broker.settled()
        async with monitoring(service) as seen:
            samples = await seen.metrics()
    assert {alarm["AlarmID"] for alarm in digest["ActiveAlarms"]} == {
        f"read-{number}" for number in range(10)
    }
    assert service.terminate() == 0
    # One line a second at the most; what is left is told at the end.
    last = service.events("log.discarded_unread")[-1]
    assert last["level"] == "error"
    assert last["discarded"] in (400, 401)  # the request may have pushed one out, unread
    assert samples["alarm_digest_log_discarded_total"] == last["discarded"]
