"""A message that crashes its user's actor is tried again, then set aside; nobody else suffers."""

from __future__ import annotations

from datetime import datetime
from itertools import pairwise
from typing import TYPE_CHECKING

from tests.poisoned import POISON

if TYPE_CHECKING:
    from tests.deployment import Deployment
    from tests.service import ServiceProcess


def crashes(service: ServiceProcess, user: str) -> list[float]:
    """Return when a user's actor crashed, in seconds."""
    return [
        datetime.fromisoformat(event["timestamp"]).timestamp()
        for event in service.events("user.crashed")
        if event["user"] == user
    ]


async def test_poison_is_tried_again_with_backoff_and_then_dead_lettered(
    deployment: Deployment,
) -> None:
    """Unchanged, with the reason; what that user had beside it is applied, and told."""
    async with deployment.broker() as broker:
        await broker.create_input_stream()
        await broker.event("u", "before")
        await broker.event("u", "poison", at=POISON)
        await broker.event("u", "behind")
        await broker.request("u")
        await broker.event("v", "another")
        await broker.request("v")
        service = deployment.start_module("tests.poisoned", MAX_ATTEMPTS=4, RETRY_WAIT_INITIAL=0.2)
        told = {digest["UserID"]: digest for digest in [await broker.next_digest() for _ in "uv"]}
        assert {alarm["AlarmID"] for alarm in told["u"]["ActiveAlarms"]} == {"before", "behind"}
        assert [alarm["AlarmID"] for alarm in told["v"]["ActiveAlarms"]] == ["another"]
        letter = await broker.next_dead_letter()
        assert b'"AlarmID": "poison"' in letter.data
        assert (letter.headers or {})["Dead-Letter-Reason"] == (
            "processing failed 4 times, last with: ArithmeticError('poison')"
        )
        await broker.settled()
        assert await broker.left() == 0
        await broker.event("u", "later")
        await broker.request("u")
        later = await broker.next_digest()
        assert [alarm["AlarmID"] for alarm in later["ActiveAlarms"]] == ["later"]
        assert len(await broker.dead_letters()) == 1
    waits = [later - earlier for earlier, later in pairwise(crashes(service, "u"))]
    # 0.2, 0.4 and 0.8 s, of which jitter takes up to half.
    assert len(waits) == 3
    assert all(wait >= least for wait, least in zip(waits, (0.1, 0.2, 0.4), strict=True))
    assert crashes(service, "v") == []
    assert service.events("user.crashed")[0]["level"] == "error"
    assert service.terminate() == 0


async def test_poison_after_poison_leaves_the_service_up(deployment: Deployment) -> None:
    """A hundred of twenty users, among good ones: these are told, those set aside."""
    users = [f"u{number}" for number in range(20)]
    async with deployment.broker() as broker:
        await broker.create_input_stream()
        for number in range(5):
            for user in users:
                await broker.event(user, f"good-{number}")
                await broker.event(user, f"bad-{number}", at=POISON)
        service = deployment.start_module("tests.poisoned", MAX_ATTEMPTS=2, RETRY_WAIT_INITIAL=0.05)
        await broker.settled()
        assert await broker.left() == 0
        assert len(await broker.dead_letters()) == 100
        for user in users:
            await broker.request(user)
        told = [await broker.next_digest() for _ in users]
    assert {digest["UserID"] for digest in told} == set(users)
    good = {f"good-{number}" for number in range(5)}
    assert all({a["AlarmID"] for a in digest["ActiveAlarms"]} == good for digest in told)
    assert service.events("service.failed") == []
    assert service.terminate() == 0
