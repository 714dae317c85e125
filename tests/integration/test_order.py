"""Order: a digest takes account of every event of its user that stands before its request."""

from __future__ import annotations

from signal import SIGTERM
from typing import TYPE_CHECKING

import pytest

from tests.pairs import Pairs, plain_subscriber

if TYPE_CHECKING:
    from tests.deployment import Deployment

PAIRS = 1200
SHARES = {1: [64], 2: [32, 32], 3: [21, 21, 22]}


@pytest.mark.long
@pytest.mark.parametrize("instances", [1, 2, 3])
async def test_no_digest_lacks_the_event_right_before_its_request(
    deployment: Deployment, instances: int
) -> None:
    """With any number of instances; who listens on core NATS sees each digest once."""
    pairs = Pairs(deployment.names, users=300)
    services = [deployment.start() for _ in range(instances)]
    async with deployment.broker() as broker, plain_subscriber(broker) as seen:
        await broker.shared(*SHARES[instances])
        await broker.put_many(pairs.next(PAIRS))
        await broker.settled()
        assert pairs.wrong(await broker.digests()) == []
        assert len(seen) == PAIRS
        assert set(seen.values()) == {1}
    assert all(service.events("digest.published") for service in services)
    assert [service.terminate() for service in services] == [0] * instances


@pytest.mark.long
async def test_order_holds_while_instances_come_and_go(deployment: Deployment) -> None:
    """In order: each hand-over is under load, and nobody sees a digest twice."""
    pairs = Pairs(deployment.names, users=300)
    services = [deployment.start()]
    async with deployment.broker() as broker, plain_subscriber(broker) as seen:
        await broker.shared(64)
        await broker.put_many(pairs.next(300))
        services.append(deployment.start())
        await broker.put_many(pairs.next(300))
        await broker.shared(32, 32)
        services.append(deployment.start())
        await broker.put_many(pairs.next(300))
        await broker.shared(21, 21, 22)
        await broker.put_many(pairs.next(300))
        for left, service in zip(([32, 32], [64], []), services, strict=True):
            if not left:
                # Told to stop at once it would leave to the next what it has not read yet.
                await broker.settled()
            service.signal(SIGTERM)
            await broker.put_many(pairs.next(300 if left else 0))
            assert service.wait() == 0
            await broker.shared(*left)
            if not left:
                assert await broker.left() == 0
        assert pairs.wrong(await broker.digests()) == []
        assert len(seen) == pairs.count
        assert set(seen.values()) == {1}
