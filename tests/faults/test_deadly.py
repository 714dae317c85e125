"""A message that ends the process is found, and set aside; nobody else is, or suffers."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests import deadly
from tests.pairs import Pairs

if TYPE_CHECKING:
    from tests.broker import Broker
    from tests.deployment import Deployment
    from tests.service import ServiceProcess

MAX_ATTEMPTS = 5
LEASE_S = 1.0
"""Each start waits so long for its predecessor to be dead."""

USERS = 40


def body_of(user: str, alarm: str, at: str) -> bytes:
    """Return an event in a form of its own, that nobody knows the user of without decoding it."""
    fields = {"Extra": 1, "UserID": user, "AlarmID": alarm, "Status": "WARNING", "ChangedAt": at}
    return json.dumps(fields).encode()


async def put_healthy(broker: Broker, name: str) -> None:
    """Put an event of each user."""
    for number in range(USERS):
        await broker.event(f"user-{number}", name)


async def put_poison(broker: Broker, kind: str) -> None:
    """Put a message that ends whoever handles it, of the first user."""
    if kind == "decoded by its home":
        await broker.event("user-0", deadly.IN_BODY)
    elif kind == "decoded by all":
        await broker.put(broker.names.events, body_of("user-0", deadly.IN_BODY, deadly.AT))
    else:
        await broker.event("user-0", "poison", at=deadly.AT)


def survivor(deployment: Deployment) -> tuple[int, ServiceProcess]:
    """Start the service until it stays; return how many ended, and the one that stays."""
    for ended in range(3 * MAX_ATTEMPTS):
        service = deployment.launch_module("tests.deadly", LEASE=LEASE_S, MAX_ATTEMPTS=MAX_ATTEMPTS)
        if service.ends_or_logs("message.deadly"):
            return ended, service
    raise AssertionError("none survives")


@pytest.mark.parametrize("kind", ["decoded by its home", "decoded by all", "applied"])
async def test_what_ends_the_process_becomes_a_dead_letter(
    deployment: Deployment, kind: str
) -> None:
    """After as many ends as it may have attempts; all that is around it is told."""
    async with deployment.broker() as broker:
        await broker.create_input_stream()
        await put_healthy(broker, "before")
        await put_poison(broker, kind)
        await put_healthy(broker, "behind")
        ended, service = survivor(deployment)
        assert ended == MAX_ATTEMPTS
        letter = await broker.next_dead_letter()
        headers = letter.headers or {}
        assert headers["Dead-Letter-Reason"] == (
            "5 processes in succession ended when they came to this message"
        )
        assert headers["Dead-Letter-Sequence"] == str(USERS + 1)
        for number in range(USERS):
            await broker.request(f"user-{number}")
        told = [await broker.next_digest() for _ in range(USERS)]
        await broker.settled()
        assert len(await broker.dead_letters()) == 1
        assert len(await broker.digests()) == USERS
    assert {digest["UserID"] for digest in told} == {f"user-{n}" for n in range(USERS)}
    for digest in told:
        assert [alarm["AlarmID"] for alarm in digest["ActiveAlarms"]] == ["before", "behind"]
    assert service.terminate() == 0


async def test_deployments_and_kills_of_who_has_nothing_to_do_set_nothing_aside(
    deployment: Deployment,
) -> None:
    """Five stops and five kills, with one message; the next one is healthy as well."""
    async with deployment.broker() as broker:
        await broker.create_input_stream()
        await broker.event("u", "before")
        for kill in (False, True) * MAX_ATTEMPTS:
            service = deployment.start(LEASE=LEASE_S, MAX_ATTEMPTS=1)
            await broker.shared(64)
            await broker.settled()
            if kill:
                service.kill()
            else:
                assert service.terminate() == 0
        deployment.start(LEASE=LEASE_S, MAX_ATTEMPTS=1)
        await broker.event("u", "behind")
        await broker.request("u")
        digest = await broker.next_digest()
        assert [alarm["AlarmID"] for alarm in digest["ActiveAlarms"]] == ["before", "behind"]
        assert await broker.dead_letters() == []


async def test_kills_under_load_set_nothing_aside(deployment: Deployment) -> None:
    """One after the other, each as soon as something is read: also those that read carefully."""
    pairs = Pairs(deployment.names, users=100)
    async with deployment.broker() as broker:
        await broker.create_input_stream()
        for _ in range(2 * MAX_ATTEMPTS):
            await broker.put_many(pairs.next(100))
            service = deployment.start(LEASE=LEASE_S, MAX_ATTEMPTS=1)
            service.wait_for("home.gained")
            service.kill()
        service = deployment.start(LEASE=LEASE_S, MAX_ATTEMPTS=1)
        await broker.put_many(pairs.next(100))
        await broker.settled()
        assert pairs.wrong(await broker.digests()) == []
        assert await broker.dead_letters() == []
    careful = [one for one in deployment.processes if one.events("log.read_carefully")]
    assert careful
    assert service.terminate() == 0
