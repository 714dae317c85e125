"""Thousands of users at once: nothing lost, nothing repeated, whatever ends the service."""

from __future__ import annotations

import json
import os
import time
from random import Random
from typing import TYPE_CHECKING

import pytest

from tests.load import differences, events, hear, untold
from tests.oracle import Oracle

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nats.aio.msg import Msg

    from tests.broker import Broker, Names
    from tests.deployment import Deployment

SCALE = int(os.environ.get("LOAD_SCALE", "1"))
"""``LOAD_SCALE=10 pytest -s --timeout 900`` for 200,000 events of 20,000 users, and their rate."""

COUNT = 20_000 * SCALE
USERS = COUNT // 10
SETTLED_S = 30.0 * SCALE


def load(
    oracle: Oracle, names: Names, random: Random, users: int, alarms: int, request_every: int = 0
) -> Iterator[tuple[str, bytes]]:
    """Yield events, and among them requests for digests, having the oracle note the events."""
    for number, event in enumerate(events(random, users, alarms, COUNT), start=1):
        oracle.receive(*event)
        yield names.events, event.body()
        if request_every and number % request_every == 0:
            yield names.requests, request(f"user-{random.randrange(users)}")


def request(user_id: str) -> bytes:
    """Return a request's body."""
    return json.dumps({"UserID": user_id}).encode()


async def ask_for_all(broker: Broker, oracle: Oracle) -> int:
    """Ask for everybody's digest; return how many requests that were, once all are answered."""
    asked = await broker.put_many(
        (broker.names.requests, request(user_id)) for user_id in sorted(oracle.users())
    )
    await broker.settled(SETTLED_S)
    return asked


def distinct(digests: list[Msg]) -> set[str]:
    """Return the ids of the digests."""
    return {(digest.headers or {})["Nats-Msg-Id"] for digest in digests}


def assert_all_is_told(oracle: Oracle, digests: list[Msg], deployment: Deployment) -> None:
    """Nothing lost, nothing repeated, and all is stored as the oracle says."""
    assert hear(oracle, [digest.data for digest in digests]) == []
    assert untold(oracle) == []
    assert differences(oracle, deployment.checkpoints(oracle.users())) == []


@pytest.mark.long
async def test_waiting_events_of_thousands_of_users_are_all_absorbed_and_told(
    deployment: Deployment,
) -> None:
    """20,000 events, ten alarms a user: settled, stored as the oracle says, told once."""
    oracle = Oracle()
    async with deployment.broker() as broker:
        await broker.create_input_stream()
        await broker.put_many(load(oracle, deployment.names, Random(1), USERS, 10))
        service = deployment.start()
        began_s = time.monotonic()
        await broker.settled(SETTLED_S)
        print(f"{COUNT / (time.monotonic() - began_s):,.0f} events/s")  # noqa: T201  # with -s
        assert await broker.left() == 0
        assert differences(oracle, deployment.checkpoints(oracle.users())) == []
        asked = await ask_for_all(broker, oracle)
        digests = await broker.digests()
    assert asked == len(digests) == len(distinct(digests)) == USERS
    assert_all_is_told(oracle, digests, deployment)
    assert service.terminate() == 0
    assert service.complaints() == set()


@pytest.mark.long
async def test_killed_in_the_middle_nothing_is_lost_or_repeated(deployment: Deployment) -> None:
    """SIGKILL with events applied, saved and behind the position, and digests owed; twice."""
    oracle = Oracle()
    settings = {"MAX_IN_FLIGHT": 1000}
    async with deployment.broker() as broker:
        await broker.create_input_stream()
        total = await broker.put_many(load(oracle, deployment.names, Random(2), USERS // 2, 10, 50))
        for share in (0.75, 0.45):
            service = deployment.start(**settings)
            assert await broker.left_at_most(int(total * share)) > 0
            service.kill()
        assert await broker.left() > 0
        deployment.start(**settings)
        await broker.settled(SETTLED_S)
        assert await broker.left() == 0
        asked = await ask_for_all(broker, oracle)
        digests = await broker.digests()
    assert len(digests) == len(distinct(digests)) == total - COUNT + asked
    assert_all_is_told(oracle, digests, deployment)


@pytest.mark.long
async def test_sigterm_under_load_ends_in_order(deployment: Deployment) -> None:
    """Status 0 within the time that a stop may take, nothing lost or repeated by the next run."""
    oracle = Oracle()
    async with deployment.broker() as broker:
        await broker.create_input_stream()
        total = await broker.put_many(load(oracle, deployment.names, Random(3), 1000, 10, 50))
        service = deployment.start(MAX_IN_FLIGHT=1000)
        await broker.left_at_most(total * 3 // 4)
        stopped_at_s = time.monotonic()
        assert service.terminate() == 0
        assert time.monotonic() - stopped_at_s < 25
        assert await broker.left() > 0
        assert service.events("service.unfinished") == []
        deployment.start()
        await broker.settled(SETTLED_S)
        assert await broker.left() == 0
        asked = await ask_for_all(broker, oracle)
        digests = await broker.digests()
    assert len(digests) == len(distinct(digests)) == total - COUNT + asked
    assert_all_is_told(oracle, digests, deployment)


@pytest.mark.long
async def test_two_services_share_thousands_of_users(deployment: Deployment) -> None:
    """Each user is at home with one of them: nobody's save is ever refused, nothing told twice."""
    oracle = Oracle()
    async with deployment.broker() as broker:
        services = [deployment.start(LOG_LEVEL="debug", MAX_IN_FLIGHT=1000) for _ in range(2)]
        total = await broker.put_many(load(oracle, deployment.names, Random(4), 1000, 10, 50))
        await broker.settled(SETTLED_S)
        asked = await ask_for_all(broker, oracle)
        digests = await broker.digests()
        assert await broker.left() == 0
    assert all(service.events("user.activated") for service in services)
    assert not any(service.events("checkpoint.conflicted") for service in services)
    assert len(digests) == len(distinct(digests)) == total - COUNT + asked
    assert_all_is_told(oracle, digests, deployment)
    assert [service.terminate() for service in services] == [0, 0]
