"""Probes while something is wrong: which, why, and that it passes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.probes import ANY_PORT, monitoring
from tests.servers import paused, running

if TYPE_CHECKING:
    from tests.deployment import Deployment
    from tests.servers import Server


async def test_a_service_without_its_servers_is_live_and_not_ready(
    early: Deployment, late_nats: Server, late_mongodb: Server
) -> None:
    """An orchestrator must not kill it for waiting."""
    service = early.launch(HTTP_ADDRESS=ANY_PORT)
    async with monitoring(service) as seen:
        assert (await seen.probe("/livez")).status == 200
        starting = await seen.probe("/readyz")
        assert (starting.status, starting.checks["phase"]) == (503, "starting")
        with running(late_mongodb), running(late_nats):
            await seen.becomes_ready()


async def test_the_absence_of_a_server_shows_without_any_message_and_passes(
    early: Deployment, late_nats: Server, late_mongodb: Server
) -> None:
    """Nobody waits for a user's change to find out; the process itself stays alive."""
    with running(late_nats), running(late_mongodb):
        service = early.start(HTTP_ADDRESS=ANY_PORT)
        async with monitoring(service) as seen:
            late_mongodb.child.kill()
            absent = await seen.becomes("mongodb", "ServerSelectionTimeoutError")
            assert absent.status == 503
            assert (await seen.metrics())["alarm_digest_mongodb_usable"] == 0
            late_mongodb.child.start()
            await seen.becomes("mongodb", "ok")
            late_nats.child.kill()
            await seen.becomes("nats", "not connected")
            assert (await seen.probe("/livez")).status == 200
            late_nats.child.start()
            await seen.becomes("nats", "ok")
            await seen.becomes_ready()


async def test_a_database_that_stands_still_shows(
    early: Deployment, late_nats: Server, late_mongodb: Server
) -> None:
    """Connected, and no answer: by our own clock or by the driver's, whichever is first."""
    with running(late_nats), running(late_mongodb):
        service = early.start(HTTP_ADDRESS=ANY_PORT)
        async with monitoring(service) as seen:
            with paused(late_mongodb):
                await seen.becomes_not("mongodb", "ok")
                assert (await seen.probe("/readyz")).status == 503
            await seen.becomes("mongodb", "ok")
