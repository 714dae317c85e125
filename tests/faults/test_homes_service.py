"""Instances that are killed, frozen or stopped: the others, or the next, have everything."""

from __future__ import annotations

import asyncio
import json
import signal
import time
from datetime import datetime
from typing import TYPE_CHECKING

from tests.deployment import Deployment
from tests.pairs import Pairs, plain_subscriber
from tests.probes import ANY_PORT, monitoring
from tests.servers import paused

if TYPE_CHECKING:
    from pathlib import Path

    from tests.broker import Broker
    from tests.servers import Server
    from tests.service import ServiceProcess

LEASE_S = 3.0
BUSY_S = 20.0
"""What a machine that is busy with other tests may take on top."""


def told(digest: dict[str, list[dict[str, str]]]) -> set[str]:
    """Return the ids of the alarms in a digest."""
    return {alarm["AlarmID"] for alarm in digest["ActiveAlarms"]}


def at_s(service: ServiceProcess, event: str) -> float:
    """Return when a service logged an event first."""
    return datetime.fromisoformat(service.events(event)[0]["timestamp"]).timestamp()


async def test_what_a_killed_instance_held_while_mongodb_stood_still_is_told(
    nats_url: str, own_mongodb: Server, tmp_path: Path
) -> None:
    """By the first digest after its restart: an event is as safe as the stream, not as a save."""
    deployment = Deployment(nats_url, own_mongodb.url, tmp_path)
    try:
        service = deployment.start(HTTP_ADDRESS=ANY_PORT)
        async with deployment.broker() as broker, monitoring(service) as seen:
            await broker.event("u", "saved")
            await broker.settled()
            with paused(own_mongodb):
                for number in range(50):
                    await broker.event("u", f"held-{number}")
                await seen.metric_becomes("alarm_digest_messages_in_flight", 50)
                service.kill()
            deployment.start()
            await broker.request("u")
            digest = await broker.next_digest()
            assert told(digest) == {"saved", *(f"held-{number}" for number in range(50))}
            await broker.settled()
            assert len(await broker.digests()) == 1
    finally:
        deployment.end()


async def load(broker: Broker, rate: float) -> None:
    """Publish events at a rate, for ever."""
    began_s, number = time.monotonic(), 0
    while True:
        while number < (time.monotonic() - began_s) * rate:
            fields = {"AlarmID": f"a-{number}", "UserID": f"user-{number % 1000}"}
            about = {"Status": "WARNING", "ChangedAt": "2021-06-07T20:40:15Z"}
            await broker.client.publish(broker.names.events, json.dumps(fields | about).encode())
            number += 1
        await asyncio.sleep(0.01)


async def test_the_only_instance_is_killed_under_load_and_the_next_answers(
    deployment: Deployment,
) -> None:
    """With everything, a lease and two seconds after it began to run."""
    service = deployment.start()
    async with deployment.broker() as broker:
        await broker.shared(64)
        loading = asyncio.create_task(load(broker, 1000))
        await broker.event("u", "before")
        await broker.settled()
        await broker.event("u", "held")
        service.kill()
        began_s = time.monotonic()
        service = deployment.launch()
        await broker.request("u")
        digest = await broker.next_digest()
        took_s = time.monotonic() - began_s
        loading.cancel()
    assert told(digest) == {"before", "held"}
    assert took_s < LEASE_S + 2 + BUSY_S
    assert service.alarming() == []


async def test_after_an_orderly_stop_the_next_start_waits_for_nobody(
    deployment: Deployment,
) -> None:
    """Everything was freed; of a lease that is as long as this test may take, nothing is waited."""
    lease_s = 5 * BUSY_S
    service = deployment.start(LEASE=lease_s)
    async with deployment.broker() as broker:
        await broker.event("u", "before")
        await broker.settled()
        assert service.terminate() == 0
        assert await broker.shares() == []
        service = deployment.start(LEASE=lease_s)
        await broker.request("u")
        assert told(await broker.next_digest()) == {"before"}
    service.wait_for("home.gained")  # lines are written behind what they tell of
    assert at_s(service, "home.gained") - at_s(service, "service.ready") < BUSY_S


async def test_instances_share_what_there_is_by_themselves(deployment: Deployment) -> None:
    """Started, stopped, killed: 64 over three are 21, 21 and 22."""
    async with deployment.broker() as broker:
        services = [deployment.start() for _ in range(3)]
        await broker.shared(21, 21, 22)
        assert services[0].terminate() == 0
        await broker.shared(32, 32)
        services.append(deployment.start())
        await broker.shared(21, 21, 22)
        services[1].kill()
        await broker.shared(32, 32)
        for left, service in zip(([64], []), services[2:], strict=True):
            assert service.terminate() == 0
            await broker.shared(*left)


async def test_a_killed_one_of_two_is_replaced_by_the_other(deployment: Deployment) -> None:
    """All pairs, also those that were published while nobody was at home for half of them."""
    pairs = Pairs(deployment.names, users=100)
    services = [deployment.start() for _ in range(2)]
    async with deployment.broker() as broker:
        await broker.shared(32, 32)
        await broker.put_many(pairs.next(200))
        services[0].kill()
        await broker.put_many(pairs.next(200))
        await broker.settled()
        assert pairs.wrong(await broker.digests()) == []
    assert services[1].events("instance.dead")


async def test_one_that_stood_still_beyond_its_lease_tells_nothing_as_a_ghost(
    deployment: Deployment,
) -> None:
    """It owes digests as it is frozen, which the other publishes: once, whoever wakes up."""
    sleeper, other = [deployment.start() for _ in range(2)]
    pairs = Pairs(deployment.names, users=100)
    async with deployment.broker() as broker:
        await broker.shared(32, 32)
        await broker.put_many(pairs.next(200))
        await broker.settled()
        await broker.leave_room_for_digests(wanted=False)
        await broker.put_many(pairs.next(200))
        sleeper.wait_for("publish.retried")
        sleeper.signal(signal.SIGSTOP)
        try:
            await broker.leave_room_for_digests(wanted=True)
            await broker.put_many(pairs.next(200))
            await broker.shared(64)
            await broker.settled()
            before = len(sleeper.events("digest.published"))
            assert pairs.wrong(await broker.digests()) == []
            async with plain_subscriber(broker) as seen:
                sleeper.signal(signal.SIGCONT)
                sleeper.wait_for("home.lost")
                await broker.shared(32, 32)
                assert sum(seen.values()) == 0
                assert len(sleeper.events("digest.published")) == before
                await broker.put_many(pairs.next(200))
                await broker.settled()
                assert set(seen.values()) == {1}
                assert len(seen) == 200
        finally:
            sleeper.signal(signal.SIGCONT)
        assert pairs.wrong(await broker.digests()) == []
    assert [sleeper.terminate(), other.terminate()] == [0, 0]


async def test_both_frozen_at_once_go_on_as_they_were(deployment: Deployment) -> None:
    """As two on a machine that is suspended: nobody has the other for dead who was away as long."""
    services = [deployment.start() for _ in range(2)]
    pairs = Pairs(deployment.names, users=100)
    async with deployment.broker() as broker:
        await broker.shared(32, 32)
        await broker.put_many(pairs.next(200))
        for service in services:
            service.signal(signal.SIGSTOP)
        await broker.put_many(pairs.next(200))
        await asyncio.sleep(LEASE_S * 1.5)  # what is tested is a time that passes
        for service in services:
            service.signal(signal.SIGCONT)
        await broker.shared(32, 32)
        await broker.settled()
        assert pairs.wrong(await broker.digests()) == []
    assert [service.terminate() for service in services] == [0, 0]
