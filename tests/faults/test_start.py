"""Servers that are not up yet when the service starts."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from tests.servers import running

if TYPE_CHECKING:
    from tests.deployment import Deployment
    from tests.servers import Server


async def test_a_service_waits_for_both_servers_and_then_serves(
    early: Deployment, late_nats: Server, late_mongodb: Server
) -> None:
    """Whatever the order in which a machine's units come up."""
    service = early.launch()
    service.wait_for("store.not_ready")
    with running(late_mongodb):
        service.wait_for("nats.error")
        with running(late_nats):
            service.wait_for("service.ready")
            async with early.broker() as broker:
                await broker.event("u", "disk-full")
                await broker.request("u")
                assert len((await broker.next_digest())["ActiveAlarms"]) == 1
            assert service.terminate() == 0


def test_a_service_that_waits_for_mongodb_stops_when_told(early: Deployment) -> None:
    """An orderly stop: nothing was begun."""
    service = early.launch()
    service.wait_for("store.not_ready")
    stopped_at_s = time.monotonic()
    assert service.terminate() == 0, service.output()
    assert time.monotonic() - stopped_at_s < 5


def test_a_service_that_waits_for_nats_stops_when_told(early: Deployment, mongodb_uri: str) -> None:
    """Likewise."""
    service = early.launch(MONGODB_URI=mongodb_uri)
    service.wait_for("nats.error")
    stopped_at_s = time.monotonic()
    assert service.terminate() == 0, service.output()
    assert time.monotonic() - stopped_at_s < 5
