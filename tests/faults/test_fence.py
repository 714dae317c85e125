"""The fence around the users is taken down under two instances that save."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from store.users.fence import stands
from store.users.mongo import COLLECTION

if TYPE_CHECKING:
    from tests.deployment import Deployment

USERS = [f"user-{number}" for number in range(40)]
AGAIN = 3


@pytest.mark.parametrize("how", [{"validator": {}}, {"validationAction": "warn"}])
async def test_nothing_is_lost_or_repeated_and_it_stands_again(
    deployment: Deployment, how: dict[str, Any]
) -> None:
    """What was saved meanwhile counts as not saved: its partition is read again, and its users."""
    services = [deployment.start(), deployment.start()]
    async with deployment.broker() as broker:
        await broker.shared(32, 32)
        with deployment.collection() as users:
            for number in range(AGAIN):
                for user in USERS:
                    await broker.event(user, f"before-{number}")
                await broker.settled()
                users.database.command("collMod", COLLECTION, **how)
                for user in USERS:
                    await broker.event(user, f"behind-{number}")
                await broker.settled()
            assert stands(users.options())
        for user in USERS:
            await broker.request(user)
        told: dict[str, list[str]] = {}
        for _ in USERS:
            digest = await broker.next_digest()
            told[digest["UserID"]] = sorted(one["AlarmID"] for one in digest["ActiveAlarms"])
        alarms = sorted(
            f"{when}-{number}" for when in ("before", "behind") for number in range(AGAIN)
        )
        assert told == dict.fromkeys(USERS, alarms)
        assert await broker.no_more_digests()
    missed = [event for service in services for event in service.events("store.fence_missing")]
    assert len(missed) >= AGAIN
    again = [event for service in services for event in service.events("home.read_again")]
    assert len(again) >= AGAIN
