"""NATS or MongoDB is killed and comes back, a consumer vanishes: the service goes on."""

from __future__ import annotations

import json
from random import Random
from typing import TYPE_CHECKING

from tests.deployment import Deployment
from tests.load import differences, events, feed, hear, untold
from tests.oracle import Oracle
from tests.probes import ANY_PORT, monitoring

if TYPE_CHECKING:
    from pathlib import Path

    from tests.broker import Broker
    from tests.servers import Server

COUNT = 6000
IN_FLIGHT, SETTLED = "alarm_digest_messages_in_flight", "alarm_digest_messages_settled_total"


async def everything_is_told(deployment: Deployment, broker: Broker, oracle: Oracle) -> None:
    """Ask for everybody's digest; fail if anything is lost, repeated or wrongly stored."""
    users = sorted(oracle.users())
    await broker.put_many(
        (broker.names.requests, json.dumps({"UserID": user}).encode()) for user in users
    )
    await broker.settled()
    digests = await broker.digests()
    ids = {(digest.headers or {})["Nats-Msg-Id"] for digest in digests}
    assert len(digests) == len(ids)
    assert hear(oracle, [digest.data for digest in digests]) == []
    assert untold(oracle) == []
    assert differences(oracle, deployment.checkpoints(oracle.users())) == []


async def test_nats_killed_and_restarted_under_load(
    own_nats: Server, mongodb_uri: str, tmp_path: Path
) -> None:
    """The service reconnects and finishes what was waiting and what comes later."""
    deployment, oracle = Deployment(own_nats.url, mongodb_uri, tmp_path), Oracle()
    try:
        async with deployment.broker() as broker:
            await broker.create_input_stream()
            await broker.put_all(feed(oracle, events(Random(1), 300, 10, COUNT)))
            service = deployment.start(MAX_IN_FLIGHT=1000)
            await broker.left_at_most(COUNT * 2 // 3)
            own_nats.child.kill()
            service.wait_for("nats.disconnected")
            own_nats.child.start()
            service.wait_for("nats.reconnected")
        async with deployment.broker() as broker:
            await broker.put_all(feed(oracle, events(Random(2), 300, 10, COUNT)))
            await broker.settled()
            await everything_is_told(deployment, broker, oracle)
        assert service.alarming() == []
        assert service.terminate() == 0
    finally:
        deployment.end()


async def test_mongodb_killed_and_restarted_under_load(
    nats_url: str, own_mongodb: Server, tmp_path: Path
) -> None:
    """Meanwhile the service takes no more than its window holds, and settles nothing."""
    uri = f"{own_mongodb.url}/?serverSelectionTimeoutMS=500"
    deployment, oracle = Deployment(nats_url, uri, tmp_path), Oracle()
    try:
        async with deployment.broker() as broker:
            await broker.create_input_stream()
            await broker.put_all(feed(oracle, events(Random(3), 300, 10, COUNT)))
            service = deployment.start(MAX_IN_FLIGHT=1000, HTTP_ADDRESS=ANY_PORT)
            await broker.left_at_most(COUNT * 2 // 3)
            own_mongodb.child.kill()
            await broker.put_all(feed(oracle, events(Random(4), 300, 10, COUNT)))
            async with monitoring(service) as seen:
                service.wait_for("checkpoint.retried", count=3)
                before = await seen.metrics()
                service.wait_for("checkpoint.retried", count=4)
                after = await seen.metrics()
            assert 0 < before[IN_FLIGHT] == after[IN_FLIGHT] <= 1000
            assert before[SETTLED] == after[SETTLED] < COUNT * 2 - 1000
            own_mongodb.child.start()
            await broker.settled()
            deployment.mongodb_uri = own_mongodb.url
            await everything_is_told(deployment, broker, oracle)
            assert await broker.left() == 0
        assert service.alarming() == []
        assert service.terminate() == 0
    finally:
        deployment.end()


async def test_a_consumer_that_is_deleted_is_made_again(deployment: Deployment) -> None:
    """By an operator's slip; the new one reads on behind what was read."""
    names = deployment.names
    service = deployment.start()
    async with deployment.broker() as broker:
        await broker.event("u", "before")
        await broker.settled()
        (consumer,) = await broker.js.consumers_info(names.input_stream)
        await broker.js.delete_consumer(names.input_stream, consumer.name)
        await broker.event("u", "meanwhile")
        service.wait_for("log.reading_lost")
        await broker.event("u", "after")
        await broker.request("u")
        digest = await broker.next_digest()
        await broker.settled()
    told = [alarm["AlarmID"] for alarm in digest["ActiveAlarms"]]
    assert told == ["after", "before", "meanwhile"]
    assert service.terminate() == 0


async def test_an_empty_log_survives_a_restart_of_nats(
    own_nats: Server, mongodb_uri: str, tmp_path: Path
) -> None:
    """With nothing in flight: the pull request is gone, and nobody says so."""
    deployment = Deployment(own_nats.url, mongodb_uri, tmp_path)
    try:
        service = deployment.start()
        own_nats.child.stop()
        service.wait_for("nats.disconnected")
        own_nats.child.start()
        service.wait_for("nats.reconnected")
        async with deployment.broker() as broker:
            await broker.event("u", "disk-full")
            await broker.request("u")
            assert len((await broker.next_digest())["ActiveAlarms"]) == 1
        assert service.terminate() == 0
    finally:
        deployment.end()
