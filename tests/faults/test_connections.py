"""Connections that break while something is being asked over them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from tests.proxy import FaultProxy

if TYPE_CHECKING:
    from tests.deployment import Deployment


async def test_a_connection_cut_again_while_the_pull_begins_anew_costs_no_time(
    deployment: Deployment,
) -> None:
    """What was asked over the one before is never answered: it is asked again, not waited for."""
    proxy = FaultProxy(int(deployment.nats_url.rpartition(":")[2]))
    port = await proxy.open()
    service = deployment.launch(NATS_URL=f"nats://127.0.0.1:{port}")
    try:
        await asyncio.to_thread(service.wait_for, "service.ready")
        proxy.latency_s = 0.5
        proxy.cut()
        await asyncio.to_thread(service.wait_for, "nats.reconnected")
        proxy.latency_s = 0.0
        proxy.cut()
        await asyncio.to_thread(service.wait_for, "nats.reconnected", 2)
        async with deployment.broker() as broker:
            await broker.event("u", "disk-full")
            await broker.request("u")
            assert (await broker.next_digest())["ActiveAlarms"]
            await broker.settled()
        assert await asyncio.to_thread(service.terminate) == 0
    finally:
        service.kill()
        await proxy.close()
    assert service.events("pull.reset_failed") == []
