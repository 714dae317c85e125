"""SIGTERM while something hangs: the process ends in time, and says what it leaves undone."""

from __future__ import annotations

import signal
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from tests.servers import paused

if TYPE_CHECKING:
    from tests.deployment import Deployment
    from tests.servers import Server
    from tests.service import ServiceProcess

SHUTDOWN_S = 3.0
AT_MOST_S = SHUTDOWN_S + 5


def ends(service: ServiceProcess) -> int:
    """Send SIGTERM; return the exit status, once it has ended in time."""
    began_s = time.monotonic()
    service.signal(signal.SIGTERM)
    status = service.wait(60)
    took_s = time.monotonic() - began_s
    assert took_s < AT_MOST_S, f"{took_s:.1f} s:\n{service.output()}"
    return status


@pytest.mark.parametrize("hanging", ["mongodb", "nats", "both"])
async def test_what_hangs_keeps_no_process_from_ending(
    own: Deployment, own_nats: Server, own_mongodb: Server, hanging: str
) -> None:
    """Status 1 and what was left undone; the next one finds it, and tells it once."""
    service = own.start(SHUTDOWN_TIMEOUT=SHUTDOWN_S, LEASE=1)
    async with own.broker() as broker:
        await broker.event("u", "before")
        await broker.settled()
        await broker.take_digests(wanted=False)
        await broker.request("u")
        service.wait_for("publish.retried")  # there is something owed
        with ExitStack() as stack:
            if hanging != "nats":
                stack.enter_context(paused(own_mongodb))
            if hanging != "mongodb":
                stack.enter_context(paused(own_nats))
            status = ends(service)
        assert status == 1, service.output()
        (unfinished,) = service.events("service.unfinished")
        assert unfinished["messages"] == 1
        assert unfinished["partitions"] == (0 if hanging == "nats" else 64)
        await broker.take_digests(wanted=True)
        own.start()
        assert [a["AlarmID"] for a in (await broker.next_digest())["ActiveAlarms"]] == ["before"]
        assert await broker.no_more_digests()


@pytest.mark.parametrize("hanging", ["mongodb", "nats", "both"])
async def test_a_start_that_hangs_ends_when_told(
    own: Deployment, own_nats: Server, own_mongodb: Server, hanging: str
) -> None:
    """Nothing was begun: an orderly stop."""
    with ExitStack() as stack:
        if hanging != "nats":
            stack.enter_context(paused(own_mongodb))
        if hanging != "mongodb":
            stack.enter_context(paused(own_nats))
        service = own.launch(SHUTDOWN_TIMEOUT=SHUTDOWN_S, HTTP_ADDRESS="127.0.0.1:0")
        service.wait_for("http.serving")
        assert ends(service) == 0


@pytest.mark.parametrize("hanging", ["mongodb", "nats"])
async def test_with_nothing_to_do_it_ends_in_time_too(
    own: Deployment, own_nats: Server, own_mongodb: Server, hanging: str
) -> None:
    """Without NATS all can be saved and freed; without MongoDB nothing is."""
    service = own.start(SHUTDOWN_TIMEOUT=SHUTDOWN_S)
    async with own.broker() as broker:
        await broker.event("u", "before")
        await broker.settled()
        with paused(own_mongodb if hanging == "mongodb" else own_nats):
            assert ends(service) == (1 if hanging == "mongodb" else 0), service.output()
    assert bool(service.events("service.unfinished")) is (hanging == "mongodb")
