"""Users beyond measure: a hundred thousand alarms, a document that MongoDB takes no more of."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from uuid import UUID

import pytest

from actors.rules.alarms import AlarmID, Severity, UserID
from tests.load import Event

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from nats.aio.msg import Msg

    from tests.broker import Broker
    from tests.deployment import Deployment

USER = UserID("big")
LEASE_S = 30
"""A beat waits while a document of megabytes is read or written, on a busy machine for seconds."""
START_NS = 1_600_000_000_000_000_000


def alarms(count: int, length: int) -> list[AlarmID]:
    """Return ids of that length, each another."""
    return [AlarmID(f"{UUID(int=number)}".ljust(length, "x")) for number in range(count)]


def raised(alarm_ids: Iterable[AlarmID], severity: Severity = Severity.WARNING) -> Iterator[bytes]:
    """Yield an event for each, a second apart, the last first."""
    numbered = list(enumerate(alarm_ids))
    for number, alarm_id in reversed(numbered):
        yield Event(USER, alarm_id, severity, START_NS + number * 10**9).body()


async def told(broker: Broker, user: str) -> list[str]:
    """Ask for a user's digest; return the alarms in the messages that bring it, in order."""
    before = len(await broker.digests())
    await broker.request(user)
    await broker.settled(60)
    found = [json.loads(message.data) for message in (await broker.digests())[before:]]
    assert {digest["UserID"] for digest in found} == {user}
    return [alarm["AlarmID"] for digest in found for alarm in digest["ActiveAlarms"]]


def dead(letters: list[Msg]) -> list[AlarmID]:
    """Return the alarms of dead letters, in order."""
    return [AlarmID(json.loads(letter.data)["AlarmID"]) for letter in letters]


@pytest.mark.long
async def test_a_user_with_100_000_alarms_is_told_them_all(deployment: Deployment) -> None:
    """Oldest first over many messages, once, by a service that has loaded them."""
    ids = alarms(100_000, 36)
    async with deployment.broker() as broker:
        await broker.create_input_stream()
        await broker.put_all(raised(ids))
        service = deployment.start(LEASE=LEASE_S)
        await broker.settled(60)
        assert len(deployment.checkpoints([USER])[USER].alarms) == 100_000
        assert service.terminate() == 0
        service = deployment.start(LEASE=LEASE_S)
        assert await told(broker, USER) == ids
        assert await told(broker, USER) == []
        assert await broker.dead_letters() == []
    assert service.terminate() == 0
    assert service.complaints() == set()


@pytest.mark.long
async def test_a_user_that_is_full_harms_nobody_and_is_still_told(deployment: Deployment) -> None:
    """What no longer fits becomes dead letters that say so, also after a restart.

    No crash, nothing tried for ever, other users served meanwhile; all that was taken is told.
    """
    ids = alarms(50_000, 256)
    async with deployment.broker() as broker:
        await broker.create_input_stream()
        service = deployment.start(LEASE=LEASE_S)
        await broker.put_all(raised(ids))
        await broker.event("small", "disk-full")
        assert await told(broker, "small") == ["disk-full"]
        known = set(deployment.checkpoints([USER])[USER].alarms)
        letters = await broker.dead_letters()
        assert known | set(dead(letters)) == set(ids)
        assert len(known) + len(letters) == len(ids)
        assert len(known) > 40_000
        assert {(letter.headers or {})["Dead-Letter-Reason"] for letter in letters} == {
            f"the user has {len(known)} alarms and no room for another"
        }
        assert service.terminate() == 0
        assert service.complaints() == {"message.dead_lettered"}
        service = deployment.start(LEASE=LEASE_S)
        await broker.put_all(raised(ids[:1]))
        assert await told(broker, USER) == sorted(known)
        cleared = sorted(known)[7:8]
        await broker.event(USER, cleared[0], "CLEARED", at="2261-01-01T00:00:00Z")
        await broker.settled()
        assert dead(await broker.dead_letters()) == [*dead(letters), ids[0]]
        stored = deployment.checkpoints([USER])[USER].alarms
        assert [alarm_id for alarm_id in stored if not stored[alarm_id].active] == cleared
    assert service.terminate() == 0


async def test_a_document_that_mongodb_refuses_is_given_up_once(deployment: Deployment) -> None:
    """Filled by something else than this service: dead letters with MongoDB's own reason."""
    async with deployment.broker() as broker:
        service = deployment.start(LEASE=LEASE_S)
        with deployment.collection() as users:
            fill = {"schema": 1, "base": 0, "version": 1, "alarms": {}, "other": b"x" * 16_777_100}
            users.insert_one({"_id": USER, **fill})
        await broker.event(USER, "a" * 250)
        await broker.event("small", "disk-full")
        assert await told(broker, "small") == ["disk-full"]
        for _ in range(2):
            letter = await broker.next_dead_letter()
            assert "MongoDB refused the checkpoint" in (letter.headers or {})["Dead-Letter-Reason"]
            assert service.terminate() == 0
            assert len(service.events("checkpoint.refused")) == 1
            service = deployment.start(LEASE=LEASE_S)
            await broker.request(USER)
        await broker.event("small", "memory-full")
        assert await told(broker, "small") == ["memory-full"]
        assert await broker.left() == 0
    assert service.terminate() == 0
