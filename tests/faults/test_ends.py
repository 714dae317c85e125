"""The stop has one deadline: ``SHUTDOWN_TIMEOUT`` and five seconds, whatever hangs."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest
from nats.js.errors import NotFoundError

from tests.broker import connected
from tests.deployment import Deployment
from tests.patience import PATIENCE_S
from tests.servers import paused, prepare_mongodb, prepare_nats, running
from tests.service import ROOT, environment

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from tests.broker import Broker
    from tests.servers import Server
    from tests.service import ServiceProcess

TIMEOUT_S = 2
END_S = TIMEOUT_S + 5
SLACK_S = 3
"""Of a machine that does other things as well."""

_PIPE_BYTES = 4096


@pytest.fixture
def own(tmp_path: Path) -> Iterator[tuple[Server, Server]]:
    """NATS and MongoDB that a test may have stand still."""
    with (
        running(prepare_nats(tmp_path / "nats")) as nats,
        running(prepare_mongodb(tmp_path / "mongodb")) as mongodb,
    ):
        yield nats, mongodb


@pytest.fixture
def deployed(own: tuple[Server, Server], tmp_path: Path) -> Iterator[Deployment]:
    """A deployment on them."""
    deployment = Deployment(own[0].url, own[1].url, tmp_path)
    yield deployment
    deployment.end()


def ended(service: ServiceProcess) -> tuple[int, float]:
    """Ask the service to end; return its status and how long it took."""
    began_s = time.monotonic()
    status = service.terminate()
    return status, time.monotonic() - began_s


async def put_events(deployment: Deployment, count: int) -> None:
    """Publish so many, of as many users; on core NATS too."""
    async with connected(deployment.nats_url, deployment.names, None) as broker:
        for number in range(count):
            body = {
                "UserID": f"u{number}",
                "AlarmID": "disk-full",
                "Status": "CRITICAL",
                "ChangedAt": "2021-06-07T20:40:15.598765212Z",
            }
            await broker.client.publish(deployment.names.events, json.dumps(body).encode())
        await broker.client.flush()


def still(which: str, nats: Server, mongodb: Server) -> AbstractContextManager[None]:
    """Have one of the servers stand still."""
    return paused(nats if which == "nats" else mongodb)


@pytest.mark.parametrize("delivery", ["jetstream", "core"])
@pytest.mark.parametrize("which", ["nats", "mongodb"])
async def test_a_server_that_stands_still_does_not_hold_up_the_stop(
    which: str, delivery: str, own: tuple[Server, Server], deployed: Deployment
) -> None:
    """Neither what is in memory nor the close of its connection; what was left undone is said."""
    service = deployed.start(
        SHUTDOWN_TIMEOUT=TIMEOUT_S, DELIVERY=delivery, CHECKPOINT_INTERVAL=600, MAX_IN_FLIGHT=10
    )
    if which == "mongodb":
        with still(which, *own):
            # The window is full, and on core NATS the rest waits in the client.
            await put_events(deployed, 100)
            status, seconds = ended(service)
    else:
        await put_events(deployed, 100)
        with still(which, *own):
            status, seconds = ended(service)
    assert seconds < END_S + SLACK_S
    if which == "mongodb":
        assert status == 1
        assert service.events("service.unfinished"), service.output()[-2000:]
    else:
        assert status in (0, 1)


async def test_both_servers_away_does_not_hold_up_the_stop(
    own: tuple[Server, Server], deployed: Deployment
) -> None:
    """A service told to stop while NATS was gone was still there 38 minutes later."""
    service = deployed.start(SHUTDOWN_TIMEOUT=TIMEOUT_S, CHECKPOINT_INTERVAL=600)
    await put_events(deployed, 100)
    for server in own:
        server.child.kill()
    service.wait_for("nats.disconnected")
    status, seconds = ended(service)
    assert status == 1
    assert seconds < END_S + SLACK_S


def test_http_clients_that_hang_do_not_hold_up_the_stop(deployment: Deployment) -> None:
    """Half-sent requests, and one that reads no answer."""
    service = deployment.start(HTTP_ADDRESS="127.0.0.1:0", SHUTDOWN_TIMEOUT=TIMEOUT_S)
    (serving,) = service.events("http.serving")
    clients = [socket.create_connection(("127.0.0.1", serving["port"])) for _ in range(8)]
    try:
        for client in clients:
            client.sendall(b"GET /metrics HTTP/1.1\r\nHost: loc")
        status, seconds = ended(service)
    finally:
        for client in clients:
            client.close()
    assert status == 0
    assert seconds < END_S


def test_a_thread_that_never_ends_does_not_hold_up_the_end(deployment: Deployment) -> None:
    """Its name server does not answer, say; the stop itself was in order."""
    service = deployment.start_module("tests.blocked", SHUTDOWN_TIMEOUT=TIMEOUT_S)
    status, seconds = ended(service)
    assert status == 0
    assert seconds < END_S
    assert [event["left"] for event in service.events("service.cut_off")]


def test_a_second_signal_ends_at_once(own: tuple[Server, Server], deployed: Deployment) -> None:
    """Whatever the first one waits for."""
    service = deployed.start(SHUTDOWN_TIMEOUT=60)
    with paused(own[1]):
        service.signal(signal.SIGTERM)
        service.wait_for("service.stopping")
        began_s = time.monotonic()
        assert service.terminate() == 1
        assert time.monotonic() - began_s < SLACK_S
    assert service.events("service.stopped_at_once")


async def stream_missing(broker: Broker) -> bool:
    """Whether the service has not made the stream of its digests yet."""
    try:
        await broker.js.stream_info(broker.names.digest_stream)
    except NotFoundError:
        return True
    return False


async def test_nobody_reads_the_log(deployment: Deployment) -> None:
    """Once a full pipe had the service stand still after some 460 digests, and ignore two TERMs."""
    reading, writing = os.pipe()
    fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
    settings: dict[str, Any] = {
        **deployment.names.settings(deployment.nats_url, deployment.mongodb_uri),
        "HTTP_ADDRESS": "off",
        "LOG_LEVEL": "debug",
        "SHUTDOWN_TIMEOUT": TIMEOUT_S,
    }
    async with deployment.broker() as broker:
        await broker.create_input_stream()
    service = subprocess.Popen(  # noqa: ASYNC220  # begun, not waited for
        [sys.executable, str(ROOT / "main.py")],
        env={**environment(settings), "PYTHONPATH": str(ROOT)},
        stdin=subprocess.DEVNULL,
        stdout=writing,
        stderr=writing,
    )
    try:
        async with deployment.broker() as broker:
            async with asyncio.timeout(PATIENCE_S):
                while await stream_missing(broker):  # noqa: ASYNC110  # asks a server
                    await asyncio.sleep(0.05)
            for number in range(500):
                await broker.event(f"u{number}", "disk-full")
                await broker.request(f"u{number}")
            for _ in range(500):
                await broker.next_digest()
        began_s = time.monotonic()
        service.terminate()
        assert service.wait(PATIENCE_S) == 0
        assert time.monotonic() - began_s < END_S + SLACK_S
    finally:
        service.kill()
        service.wait()
        os.close(reading)
        os.close(writing)
