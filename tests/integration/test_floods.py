"""Floods: more users than may live, more messages than core NATS keeps for a slow reader."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

from tests.deployment import Deployment
from tests.load import differences, events, feed
from tests.oracle import Oracle
from tests.patience import PATIENCE_S
from tests.servers import paused, prepare_mongodb, running

if TYPE_CHECKING:
    from collections.abc import Callable

    from nats.aio.subscription import Subscription

    from tests.broker import Broker, Names

USERS = int(os.environ.get("FLOOD_USERS", "20000"))
EVENT = (
    b'{"AlarmID":"disk-full","UserID":"u","Status":"WARNING",'
    b'"ChangedAt":"2021-06-07T20:40:15.598765212Z"}'
)


def resident_mib(pid: int) -> float:
    """Return the memory that a process has in use."""
    found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found is not None
    return int(found[1]) / 1024


async def test_a_flood_of_users_with_one_event_each_leaves_memory_bounded(
    deployment: Deployment, record_property: Callable[[str, object], None]
) -> None:
    """Many times as many users as may live: the second half needs no more than the first."""
    oracle = Oracle()
    async with deployment.broker() as broker:
        await broker.create_input_stream()
        await broker.put_all(feed(oracle, events(Random(5), USERS, 1, USERS)))
        service = deployment.start(MAX_LIVE_USERS=2000, MAX_IN_FLIGHT=5000)
        before = resident_mib(service.pid)
        await broker.left_at_most(USERS // 2, 90)
        half = resident_mib(service.pid)
        await broker.settled(90)
        after = resident_mib(service.pid)
        assert await broker.left() == 0
        assert await broker.dead_letters() == []
    record_property("resident_mib", f"{before:.0f}, {half:.0f}, {after:.0f}")
    assert after - half < 10, f"{before:.0f} MiB, {half:.0f} after half, {after:.0f} at the end"
    assert after - before < 100
    assert differences(oracle, deployment.checkpoints(oracle.users())) == []
    assert service.terminate() == 0


async def _next_digest(broker: Broker, names: Names, digests: Subscription) -> list[dict[str, str]]:
    """Ask for a digest; return its alarms."""
    await broker.client.request(names.requests, b'{"UserID":"u"}', timeout=PATIENCE_S)
    alarms: list[dict[str, str]] = json.loads((await digests.next_msg(timeout=PATIENCE_S)).data)[
        "ActiveAlarms"
    ]
    return alarms


async def test_what_core_nats_drops_is_counted_and_logged(tmp_path: Path, nats_url: str) -> None:
    """MongoDB stands still, the window and the queue behind it are full: the rest is lost, aloud.

    A line at CRITICAL a second and not a message; what was taken is kept, and told.
    """
    count, window = 20_000, 500
    with running(prepare_mongodb(tmp_path / "mongodb")) as mongodb:
        deployment = Deployment(nats_url, mongodb.url, tmp_path)
        names = deployment.names
        try:
            service = deployment.start(DELIVERY="core", MAX_IN_FLIGHT=window)
            async with deployment.broker() as broker:
                digests = await broker.client.subscribe(names.digests)
                with paused(mongodb):
                    for number in range(count):
                        body = EVENT.replace(b"disk-full", f"alarm-{number}".encode())
                        await broker.client.publish(names.events, body)
                    await broker.client.flush()
                    service.wait_for("message.dropped", count=2)
                # A request may overtake what waits for room in the other subscription's queue.
                told: set[str] = set()
                while alarms := await _next_digest(broker, names, digests):
                    told |= {alarm["AlarmID"] for alarm in alarms}
            assert service.terminate() == 0
        finally:
            deployment.end()
    lines = service.events("message.dropped")
    assert {(line["level"], line["subject"]) for line in lines} == {("critical", names.events)}
    assert len(told) + lines[-1]["dropped"] == count
    assert window < len(told) < count / 2
    assert len(lines) < 30
