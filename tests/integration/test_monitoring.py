"""Probes and metrics of a service that runs: what they say when all is well, and at the ends."""

from __future__ import annotations

import signal
import socket
from typing import TYPE_CHECKING

from tests.patience import PATIENCE_S
from tests.probes import ANY_PORT, monitoring
from tests.servers import paused, prepare_mongodb, running

if TYPE_CHECKING:
    from pathlib import Path

    from tests.deployment import Deployment


async def test_a_service_that_serves_is_live_and_ready(deployment: Deployment) -> None:
    """With every check named."""
    service = deployment.start(HTTP_ADDRESS=ANY_PORT)
    async with monitoring(service) as seen:
        assert (await seen.probe("/livez")).status == 200
        await seen.becomes_ready()
        ready = await seen.probe("/readyz")
        assert ready.checks.keys() >= {"nats", "mongodb", "reading", "beats", "actors", "timer"}
        assert ready.checks["partitions"] == "ok, 64 of 64 at home here"


async def test_what_happens_to_messages_is_counted(deployment: Deployment) -> None:
    """From arrival until they are settled, each under what it was."""
    service = deployment.start(HTTP_ADDRESS=ANY_PORT)
    async with deployment.broker() as broker, monitoring(service) as seen:
        await broker.event("u1", "a1")
        await broker.event("u1", "a1")
        await broker.event("u2", "a1", "WARNING")
        await broker.put(deployment.names.events, b"{not json")
        await broker.request("u1")
        await broker.request("nobody")
        for _ in range(2):
            await broker.next_digest()
        await broker.settled()
        await seen.metric_becomes("alarm_digest_messages_settled_total", 6)
        samples = await seen.metrics()
    expected = {
        "messages_total event": 3,
        "messages_total request": 2,
        "messages_total rejected": 1,
        "events_applied_total changed": 2,
        "events_applied_total unchanged": 1,
        "dead_letters_total not_json": 1,
        "digests_made_total alarms": 1,
        "digests_made_total empty": 1,
        "digests_published_total": 2,
        "digest_latency_seconds_count": 2,
        "user_activations_total": 3,
        "messages_in_flight": 0,
        "messages_waiting": 0,
        "lag_seconds": 0,
        "partitions": 64,
        "partition_moves_total gained_free": 64,
        "position_stands_seconds": 0,
        "log_discarded_total": 0,
        "ready": 1,
    }
    assert {name: samples[f"alarm_digest_{name}"] for name in expected} == expected
    assert samples["alarm_digest_checkpoint_users_sum"] >= 3
    assert 0 < samples["alarm_digest_digest_latency_seconds_sum"] < 60


async def test_what_waits_behind_a_full_window_is_seen(
    deployment: Deployment, tmp_path: Path
) -> None:
    """Though no delivery tells of it: the window is full and nothing more comes."""
    with running(prepare_mongodb(tmp_path / "mongodb")) as server:
        deployment.mongodb_uri = server.url
        service = deployment.start(HTTP_ADDRESS=ANY_PORT, MAX_IN_FLIGHT=1, DELIVERY="jetstream")
        async with deployment.broker() as broker, monitoring(service) as seen:
            await broker.event("u1", "a1")
            await broker.settled()
            with paused(server):
                await broker.event("u1", "cannot be saved")
                await seen.metric_becomes("alarm_digest_messages_in_flight", 1)
                for number in range(5):
                    await broker.event("u1", f"b{number}")
                await seen.metric_becomes("alarm_digest_messages_waiting", 5)
                samples = await seen.metrics()
                assert samples["alarm_digest_messages_in_flight"] == 1
                assert samples["alarm_digest_lag_seconds"] > 0


async def test_a_full_window_waits_for_no_interval(deployment: Deployment) -> None:
    """Else a window that is narrow for its load would let in no more than itself in each."""
    deployment.start(MAX_IN_FLIGHT=10, CHECKPOINT_INTERVAL=600)
    async with deployment.broker() as broker:
        for number in range(100):
            await broker.event("u1", f"a{number}")
        await broker.left_at_most(10)


async def test_a_service_that_stops_says_so_until_it_has_stopped(
    deployment: Deployment, tmp_path: Path
) -> None:
    """It finishes what it took; nothing new should be sent its way."""
    with running(prepare_mongodb(tmp_path / "mongodb")) as server:
        deployment.mongodb_uri = server.url
        service = deployment.start(HTTP_ADDRESS=ANY_PORT, DELIVERY="jetstream")
        async with deployment.broker() as broker, monitoring(service) as seen:
            await broker.event("u1", "a1")
            await broker.settled()
            # What it has cannot be saved, and its partitions not be freed.
            with paused(server):
                service.signal(signal.SIGTERM)
                stopping = await seen.becomes("phase", "stopping")
                assert stopping.status == 503
                assert (await seen.probe("/livez")).status == 200
                service.signal(signal.SIGTERM)
                assert service.wait() == 1


def test_an_address_that_is_in_use_ends_it_with_one_line(deployment: Deployment) -> None:
    """A wrong setting, and no restart helps."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        address = f"127.0.0.1:{other.getsockname()[1]}"
        service = deployment.launch(HTTP_ADDRESS=address)
        assert service.wait() == 2
    last = service.output().splitlines()[-1]
    assert last == (
        f"main.py: HTTP_ADDRESS: cannot listen at {address}: it is in use; set another, or off"
    )


async def test_systemd_is_told_of_readiness_life_and_stop(deployment: Deployment) -> None:
    """By a service that was told where; the watchdog is fed by the turning of its loops."""
    address = f"alarm-digest-test-{deployment.names.suffix}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(f"\0{address}")
        listener.settimeout(PATIENCE_S)
        service = deployment.launch(NOTIFY_SOCKET=f"@{address}", WATCHDOG_USEC=30_000_000)
        assert listener.recv(1024).startswith(b"READY=1\n")
        assert listener.recv(1024) == b"WATCHDOG=1"
        assert listener.recv(1024) == b"WATCHDOG=1"
        assert service.terminate() == 0
        told = [listener.recv(1024)]
        while not told[-1].startswith(b"STOPPING=1\n"):
            assert told[-1] == b"WATCHDOG=1"
            told.append(listener.recv(1024))
