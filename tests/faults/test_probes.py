"""Probes while something is wrong: which, why, and that it passes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.deployment import Deployment
from tests.probes import ANY_PORT, monitoring
from tests.servers import paused, prepare_mongodb, prepare_nats, running

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.servers import Server


@pytest.fixture
def own_nats(tmp_path: Path) -> Server:
    """A NATS server that a test starts and ends when it likes."""
    return prepare_nats(tmp_path / "nats")


@pytest.fixture
def own_mongodb(tmp_path: Path) -> Server:
    """A MongoDB server, likewise."""
    return prepare_mongodb(tmp_path / "mongodb")


@pytest.fixture
def own(own_nats: Server, own_mongodb: Server, tmp_path: Path) -> Iterator[Deployment]:
    """A deployment on both; MongoDB's absence is noticed soon."""
    uri = f"{own_mongodb.url}/?serverSelectionTimeoutMS=500"
    deployment = Deployment(own_nats.url, uri, tmp_path)
    yield deployment
    deployment.end()


async def test_a_service_without_its_servers_is_live_and_not_ready(
    own: Deployment, own_nats: Server, own_mongodb: Server
) -> None:
    """An orchestrator must not kill it for waiting."""
    service = own.launch(HTTP_ADDRESS=ANY_PORT)
    async with monitoring(service) as seen:
        assert (await seen.probe("/livez")).status == 200
        starting = await seen.probe("/readyz")
        assert (starting.status, starting.checks["phase"]) == (503, "starting")
        with running(own_mongodb), running(own_nats):
            await seen.becomes_ready()


async def test_the_absence_of_a_server_shows_without_any_message_and_passes(
    own: Deployment, own_nats: Server, own_mongodb: Server
) -> None:
    """Nobody waits for a user's change to find out; the process itself stays alive."""
    with running(own_nats), running(own_mongodb):
        service = own.start(HTTP_ADDRESS=ANY_PORT)
        async with monitoring(service) as seen:
            own_mongodb.child.kill()
            absent = await seen.becomes("mongodb", "ServerSelectionTimeoutError")
            assert absent.status == 503
            assert (await seen.metrics())["alarm_digest_mongodb_usable"] == 0
            own_mongodb.child.start()
            await seen.becomes("mongodb", "ok")
            own_nats.child.kill()
            await seen.becomes("nats", "not connected")
            assert (await seen.probe("/livez")).status == 200
            own_nats.child.start()
            await seen.becomes("nats", "ok")
            await seen.becomes_ready()


async def test_a_database_that_stands_still_shows_before_the_driver_gives_up(
    own: Deployment, own_nats: Server, own_mongodb: Server
) -> None:
    """Connected, and no answer."""
    with running(own_nats), running(own_mongodb):
        service = own.start(HTTP_ADDRESS=ANY_PORT)
        async with monitoring(service) as seen:
            with paused(own_mongodb):
                assert (await seen.becomes("mongodb", "no answer for ")).status == 503
            await seen.becomes("mongodb", "ok")
