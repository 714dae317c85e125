"""Versions that hand partitions to each other: nothing is lost, repeated, or out of order."""

from __future__ import annotations

import asyncio
import signal
from typing import TYPE_CHECKING, Any

import pytest

from store.users.document import SCHEMA
from tests.compatibility.traffic import Traffic
from tests.compatibility.versions import ADDED, NEWER_VERSION
from tests.probes import ANY_PORT, monitoring

if TYPE_CHECKING:
    from pathlib import Path

    from tests.compatibility.conftest import Versions
    from tests.deployment import Deployment

LEASE_S = 2
KINDS = ("user", "cursor", "alarm", "partitions", "position", "layout")


def added(deployment: Deployment) -> set[tuple[object, ...]]:
    """Return where the newer version's additions are stored."""
    found: set[tuple[object, ...]] = set()
    with deployment.collection() as users:
        for user in users.find():
            found |= {("user", user["_id"])} if ADDED in user else set()
            found |= {("cursor", user["_id"])} if ADDED in user.get("cursor", {}) else set()
            for bucket in user.get("alarms", {}).values():
                found |= {
                    ("alarm", user["_id"], name)
                    for name, fields in bucket.items()
                    if fields[6:] == [ADDED, {"more": 2**40}]
                }
    for name in ("partitions", "layout"):
        with deployment.collection(name) as documents:
            for one in documents.find():
                found |= {(name, one["_id"])} if ADDED in one else set()
                found |= {("position", one["_id"])} if ADDED in one.get("position", {}) else set()
    return found


def instances(deployment: Deployment) -> dict[str, dict[str, Any]]:
    """Return what instances are stored, by their version."""
    with deployment.collection("instances") as documents:
        return {one.get("version", "none"): one for one in documents.find()}


async def owed_by_the_newer(deployment: Deployment) -> None:
    """Return once a digest is owed that bears the newer version's field."""
    with deployment.collection() as users:
        while not users.find_one({f"outbox.{ADDED}": 1}):  # noqa: ASYNC110  # asks a server
            await asyncio.sleep(0.01)


@pytest.mark.long
async def test_nothing_is_lost_or_told_twice_whichever_version_hands_over(
    versions: Versions,
) -> None:
    """To whichever, in order, killed, and with a digest owed; what the newer added is there yet."""
    older, present, newer = versions
    traffic = Traffic(present.names, seed=1)
    first, second = (version.start(LEASE=LEASE_S) for version in (older, present))
    async with present.broker() as broker, asyncio.timeout(120):
        await traffic.send(broker)
        await broker.shared(32, 32)
        await traffic.send(broker)
        third = newer.start(LEASE=LEASE_S)
        await traffic.send(broker)
        await broker.shared(21, 21, 22)
        await traffic.send(broker)
        up = instances(present)
        assert ADDED in up[NEWER_VERSION]
        assert "schema" not in up["none"]
        assert len(up) == 3

        await broker.settled()  # each has moved its positions
        await broker.leave_room_for_digests(wanted=False)
        await traffic.send(broker)
        await owed_by_the_newer(present)
        third.kill()
        left = added(present)
        assert {kind for kind, *_ in left} == set(KINDS)
        await broker.leave_room_for_digests(wanted=True)
        await broker.shared(32, 32)
        await traffic.send(broker)

        second.signal(signal.SIGTERM)
        fourth = newer.start(LEASE=LEASE_S)
        await traffic.send(broker)
        assert second.wait() == 0
        await broker.shared(32, 32)
        first.signal(signal.SIGTERM)
        fifth = present.start(LEASE=LEASE_S)
        await traffic.send(broker)
        assert first.wait() == 0
        await broker.shared(32, 32)
        fourth.signal(signal.SIGTERM)
        await traffic.end(broker)
        assert await traffic.wrong(broker, present.checkpoints(traffic.oracle.users())) == []
    assert left <= added(present)
    assert fourth.wait() == 0
    services = (first, second, third, fourth, fifth)
    assert [service.alarming() for service in services] == [[]] * 5


@pytest.mark.long
async def test_an_older_version_stands_by_for_what_it_cannot_read(
    deployment: Deployment, copies: dict[str, Path]
) -> None:
    """And says so; what comes waits for one that can, and becomes no dead letter."""
    raised = deployment.of(copies["raised"])
    traffic = Traffic(deployment.names, seed=2)
    present = deployment.start(LEASE=LEASE_S, HTTP_ADDRESS=ANY_PORT)
    async with deployment.broker() as broker, asyncio.timeout(120):
        await traffic.send(broker)
        await broker.shared(64)
        first = raised.start(LEASE=LEASE_S)
        await traffic.send(broker)
        present.wait_for("home.outdated")
        await broker.shared(64)
        async with monitoring(present) as probes:
            ready = await probes.probe("/readyz")
        assert ready.checks["partitions"].startswith("ok, stands by: a newer version has written")
        await traffic.send(broker)
        await broker.settled()
        assert first.terminate() == 0
        await traffic.send(broker)
        second = raised.start(LEASE=LEASE_S)
        await traffic.end(broker)
        assert second.terminate() == 0
        assert present.terminate() == 0
        with deployment.collection() as users:
            assert users.update_many({}, {"$set": {"schema": SCHEMA}}).modified_count
        assert await traffic.wrong(broker, deployment.checkpoints(traffic.oracle.users())) == []
    assert [service.alarming() for service in (present, first, second)] == [[]] * 3
