"""What goes in and what comes out."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.deployment import Deployment

HOSTILE = ["a.b$c", "$set", "__proto__", "🚨 down", "x" * 256, "é" * 128, "a b\tc\n", "%2E", '"\\']


async def test_an_event_comes_back_to_the_nanosecond(deployment: Deployment) -> None:
    """The contract's example, byte for byte: keys in order, compact, UTC."""
    deployment.start()
    async with deployment.broker() as broker:
        await broker.put(
            deployment.names.events,
            b'{"AlarmID": "b950482e-25b6-4c6d-8c6c-51a8c4f7a8a0", "UserID": "2",'
            b' "Status": "CRITICAL", "ChangedAt": "2021-06-07T22:40:15.598765212+02:00"}',
        )
        await broker.request("2")
        digest = await broker.next_digest_message()
        assert digest.data == (
            b'{"UserID":"2","ActiveAlarms":[{"AlarmID":"b950482e-25b6-4c6d-8c6c-51a8c4f7a8a0",'
            b'"Status":"CRITICAL","LatestChangedAt":"2021-06-07T20:40:15.598765212Z"}]}'
        )
        assert digest.headers
        assert digest.headers["Nats-Msg-Id"]


async def test_go_producers_may_write_keys_as_they_do(deployment: Deployment) -> None:
    """Keys match whatever their case; an exact one beats the others; unknown ones are ignored."""
    deployment.start()
    async with deployment.broker() as broker:
        await broker.put(
            deployment.names.events,
            b'{"alarmId":"a","userID":"wrong","UserID":"2","STATUS":"WARNING",'
            b'"changedAt":"2021-06-07T20:40:15Z","extra":{"UserID":"3"}}',
        )
        await broker.put(deployment.names.requests, b'{"userId":"2"}')
        digest = await broker.next_digest()
    assert digest == {
        "UserID": "2",
        "ActiveAlarms": [
            {"AlarmID": "a", "Status": "WARNING", "LatestChangedAt": "2021-06-07T20:40:15Z"}
        ],
    }


async def test_hostile_names_come_back_unchanged_from_the_database(deployment: Deployment) -> None:
    """As user and as alarm; the second service knows them from MongoDB only."""
    first = deployment.start()
    async with deployment.broker() as broker:
        for user in HOSTILE:
            for alarm in HOSTILE:
                await broker.event(user, alarm)
        await broker.settled()
        assert first.terminate() == 0
        deployment.start()
        for user in HOSTILE:
            await broker.request(user)
        digests = [await broker.next_digest() for _ in HOSTILE]
    told = {
        item["UserID"]: [alarm["AlarmID"] for alarm in item["ActiveAlarms"]] for item in digests
    }
    assert told == {user: sorted(HOSTILE) for user in HOSTILE}


async def test_a_digest_is_ordered_oldest_first_and_ties_by_alarm(deployment: Deployment) -> None:
    """Whatever the order of arrival; cleared alarms and older events are not in it."""
    deployment.start()
    async with deployment.broker() as broker:
        await broker.event("2", "c", "WARNING", "2021-06-07T20:40:15.2Z")
        await broker.event("2", "b", "CRITICAL", "2021-06-07T20:40:15.1Z")
        await broker.event("2", "a", "WARNING", "2021-06-07T20:40:15.1Z")
        await broker.event("2", "c", "CRITICAL", "2021-06-07T20:40:15.100000001Z")
        await broker.event("2", "d", "WARNING", "2021-06-07T20:40:14Z")
        await broker.event("2", "d", "CLEARED", "2021-06-07T20:40:15Z")
        await broker.request("2")
        alarms = (await broker.next_digest())["ActiveAlarms"]
    assert [(item["AlarmID"], item["Status"]) for item in alarms] == [
        ("a", "WARNING"),
        ("b", "CRITICAL"),
        ("c", "WARNING"),
    ]


@pytest.mark.parametrize(("setting", "digests"), [("publish", 1), ("skip", 0)])
async def test_an_unknown_user_has_nothing_to_be_told(
    deployment: Deployment, setting: str, digests: int
) -> None:
    """An empty digest says so, unless empty ones are to be skipped."""
    deployment.start(EMPTY_DIGESTS=setting)
    async with deployment.broker() as broker:
        await broker.request("nobody")
        if digests:
            assert await broker.next_digest() == {"UserID": "nobody", "ActiveAlarms": []}
        assert await broker.no_more_digests()
        await broker.settled()


async def test_an_alarm_raised_again_is_told_again_though_the_clear_comes_last(
    deployment: Deployment,
) -> None:
    """And what repeats the told status is not."""
    deployment.start()
    async with deployment.broker() as broker:
        await broker.event("2", "a", "WARNING", "2021-06-07T20:00:00Z")
        await broker.request("2")
        assert len((await broker.next_digest())["ActiveAlarms"]) == 1
        await broker.event("2", "a", "WARNING", "2021-06-07T20:02:00Z")
        await broker.request("2")
        assert (await broker.next_digest())["ActiveAlarms"] == []
        await broker.event("2", "a", "CLEARED", "2021-06-07T20:01:00Z")
        await broker.request("2")
        alarms = (await broker.next_digest())["ActiveAlarms"]
    assert alarms == [
        json.loads('{"AlarmID":"a","Status":"WARNING","LatestChangedAt":"2021-06-07T20:02:00Z"}')
    ]
