"""What goes in and what comes out, over restarts and for names that mean something to others."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.deployment import Deployment

HOSTILE_NAMES = [
    "a.b$c",
    "$set",
    "$",
    ".",
    "..",
    "__proto__",
    "_id",
    "%2E",
    "%",
    "🔥 disk full",
    'quote " backslash \\ slash /',
    "line\nfeed\ttab\x7f",
    "x" * 256,
    "é" * 128,
    "🔥" * 64,
    "0",
    " ",
]


async def test_the_documented_event_comes_out_byte_for_byte(deployment: Deployment) -> None:
    """From a plain publish, as nats-cli does it: keys in order, compact, nothing rounded."""
    names = deployment.names
    deployment.start()
    async with deployment.broker() as broker:
        await broker.client.publish(
            names.events,
            b'{"AlarmID": "disk-full", "UserID": "2", "Status": "WARNING", '
            b'"ChangedAt": "2021-06-07T20:40:15.598765212Z"}',
        )
        await broker.client.publish(names.requests, b'{"UserID": "2"}')
        digest = await broker.next_digest_message()
    assert digest.data == (
        b'{"UserID":"2","ActiveAlarms":[{"AlarmID":"disk-full","Status":"WARNING",'
        b'"LatestChangedAt":"2021-06-07T20:40:15.598765212Z"}]}'
    )
    assert digest.subject == names.digests


async def test_instants_survive_storage_and_come_out_as_go_prints_them(
    deployment: Deployment,
) -> None:
    """Offsets become Z, trailing zeros go, the ends of int64 stay exact."""
    instants = {
        "2021-06-07T20:40:15.500000000Z": "2021-06-07T20:40:15.5Z",
        "2021-06-07T20:40:15.000Z": "2021-06-07T20:40:15Z",
        "2021-06-07T22:40:15.598765213+02:00": "2021-06-07T20:40:15.598765213Z",
        "2021-06-07T20:40:15.598765212Z": "2021-06-07T20:40:15.598765212Z",
        "2021-06-07T10:10:16.000000001-10:30": "2021-06-07T20:40:16.000000001Z",
        "1677-09-21T00:12:43.145224192Z": "1677-09-21T00:12:43.145224192Z",
        "2262-04-11T23:47:16.854775807Z": "2262-04-11T23:47:16.854775807Z",
    }
    service = deployment.start()
    async with deployment.broker() as broker:
        for number, instant in enumerate(instants):
            await broker.event("u", f"alarm-{number}", at=instant)
        await broker.settled()
        assert service.terminate() == 0
        deployment.start()
        await broker.request("u")
        alarms = (await broker.next_digest())["ActiveAlarms"]
    told = {alarm["AlarmID"]: alarm["LatestChangedAt"] for alarm in alarms}
    assert told == {f"alarm-{n}": instant for n, instant in enumerate(instants.values())}


async def test_keys_match_whatever_their_case(deployment: Deployment) -> None:
    """Go producers send ``userId``; an exact key beats others, else the last; unknown ones pass."""
    at = "2021-06-07T20:40:15Z"
    bodies: list[dict[str, Any]] = [
        {"alarmId": "camel", "userId": "u", "status": "WARNING", "changedAt": at},
        {"ALARMID": "upper", "USERID": "u", "STATUS": "CRITICAL", "CHANGEDAT": at},
        {"alarmID": "no", "AlarmID": "exact", "alarmid": "no", "userID": "x", "UserID": "u"}
        | {"Status": "WARNING", "ChangedAt": at},
        {"alarmId": "first", "ALARMID": "last", "userid": "x", "userId": "u"}
        | {"Status": "WARNING", "ChangedAt": at},
        {"AlarmID": "unknown keys", "UserID": "u", "Status": "WARNING", "ChangedAt": at}
        | {"Severity": 9, "Tags": [{"UserID": "v"}], "": None},
    ]
    deployment.start()
    async with deployment.broker() as broker:
        for body in bodies:
            await broker.put(deployment.names.events, json.dumps(body).encode())
        await broker.put(deployment.names.requests, b'{"userId":"x","USERID":"u","extra":1}')
        digest = await broker.next_digest()
    assert digest["UserID"] == "u"
    told = [alarm["AlarmID"] for alarm in digest["ActiveAlarms"]]
    assert told == ["camel", "exact", "last", "unknown keys", "upper"]


async def test_hostile_names_come_back_unchanged_after_a_restart(deployment: Deployment) -> None:
    """Names that mean something to MongoDB, and the longest ones, as users and as alarms."""
    service = deployment.start()
    async with deployment.broker() as broker:
        for name in HOSTILE_NAMES:
            await broker.event(name, name)
            await broker.event("all", name)
        await broker.settled()
        assert service.terminate() == 0
        deployment.start()
        for user in [*HOSTILE_NAMES, "all"]:
            await broker.request(user)
        await broker.settled()
        digests = [json.loads(message.data) for message in await broker.digests()]
    told = {digest["UserID"]: [a["AlarmID"] for a in digest["ActiveAlarms"]] for digest in digests}
    assert told.pop("all") == sorted(HOSTILE_NAMES)
    assert told == {name: [name] for name in HOSTILE_NAMES}


async def test_alarms_are_told_oldest_first_and_ties_by_id(deployment: Deployment) -> None:
    """One nanosecond decides; cleared ones are left out; at one instant the more severe wins."""
    deployment.start()
    async with deployment.broker() as broker:
        for alarm, status, fraction in [
            ("late", "WARNING", "598765213"),
            ("tie-b", "CRITICAL", "598765212"),
            ("tie-b", "WARNING", "598765212"),
            ("tie-a", "CLEARED", "598765212"),
            ("tie-a", "WARNING", "598765212"),
            ("cleared", "CLEARED", "598765212"),
            ("Tie", "WARNING", "598765212"),
            ("early", "WARNING", "598765211"),
        ]:
            await broker.event("u", alarm, status, f"2021-06-07T20:40:15.{fraction}Z")
        await broker.request("u")
        alarms = (await broker.next_digest())["ActiveAlarms"]
    told = [(alarm["AlarmID"], alarm["Status"][0]) for alarm in alarms]
    assert told == [("early", "W"), ("Tie", "W"), ("tie-a", "W"), ("tie-b", "C"), ("late", "W")]


async def test_empty_digests_are_published_unless_they_are_to_be_skipped(
    deployment: Deployment,
) -> None:
    """For an unknown user, and for one that has been told everything."""
    service = deployment.start()
    async with deployment.broker() as broker:
        await broker.request("nobody")
        assert (await broker.next_digest_message()).data == b'{"UserID":"nobody","ActiveAlarms":[]}'
        await broker.settled()
        assert service.terminate() == 0
        deployment.start(EMPTY_DIGESTS="skip")
        await broker.request("nobody")
        await broker.event("u", "disk-full")
        await broker.request("u")
        await broker.request("u")
        await broker.settled()
        assert await broker.left() == 0
        digests = [json.loads(message.data) for message in await broker.digests()]
    assert [len(digest["ActiveAlarms"]) for digest in digests] == [0, 1]


@pytest.mark.parametrize("late", [False, True])
async def test_a_warning_cleared_and_raised_again_is_news_over_restarts(
    deployment: Deployment, *, late: bool
) -> None:
    """Also when the CLEARED arrives last; and what was told and did not change is not."""
    second = "2021-06-07T20:40:{}Z"
    again = [("CLEARED", second.format(16)), ("WARNING", second.format(17))]
    service = deployment.start()
    async with deployment.broker() as broker:
        await broker.event("u", "disk-full", "WARNING", second.format(15))
        await broker.event("u", "unchanged", "WARNING", second.format(15))
        await broker.request("u")
        assert len((await broker.next_digest())["ActiveAlarms"]) == 2
        await broker.settled()
        for status, at in reversed(again) if late else again:
            assert service.terminate() == 0
            service = deployment.start()
            if late:
                await broker.request("u")
                assert (await broker.next_digest())["ActiveAlarms"] == []
            await broker.event("u", "disk-full", status, at)
            await broker.settled()
        await broker.request("u")
        assert (await broker.next_digest())["ActiveAlarms"] == [
            {"AlarmID": "disk-full", "Status": "WARNING", "LatestChangedAt": second.format(17)}
        ]
