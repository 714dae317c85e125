"""Every kind of bad input becomes a dead letter, unchanged and explained, and nothing stops."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from tests.deployment import Deployment
from tests.patience import PATIENCE_S

if TYPE_CHECKING:
    from collections.abc import Iterator

LIMIT = 64 * 1024

GOOD = {
    "AlarmID": "disk-full",
    "UserID": "u",
    "Status": "WARNING",
    "ChangedAt": "2021-06-07T20:40:15.598765212Z",
}


def event(**changes: object) -> bytes:
    """Return an event's body with fields changed, or left out where the change is None."""
    fields = {name: value for name, value in {**GOOD, **changes}.items() if value is not None}
    return json.dumps(fields).encode()


def nulled(name: str) -> bytes:
    """Return an event's body with a field that is null."""
    return json.dumps({**GOOD, name: None}).encode()


BAD_EVENTS = {
    "an empty body": (b"", "not JSON"),
    "no JSON": (b"disk full!", "not JSON"),
    "cut off": (event()[:-1], "not JSON"),
    "two objects": (event() + event(), "not JSON"),
    "single quotes": (event().replace(b'"', b"'"), "not JSON"),
    "not a number": (event(Extra=float("nan")), "not JSON"),
    "Latin-1": (event(UserID="u-e").replace(b"u-e", b"u-\xe9"), "not UTF-8: Latin-1"),
    "UTF-16": (event().decode().encode("utf-16"), "not UTF-8: UTF-16"),
    "gzip": (gzip.compress(event(), mtime=0), "not UTF-8: begins with the gzip magic"),
    "an envelope": (
        json.dumps({"specversion": "1.0", "type": "alarm", "data": GOOD}).encode(),
        "UserID is missing; it is one level down, in data",
    ),
    "snake case": (event(UserID=None, user_id="u"), "user_id is not read; UserID is"),
    "NUL bytes": (b"\0\0\0\0", "not JSON"),
    "nested beyond measure": (b"[" * 5000 + b"]" * 5000, "not JSON"),
    "an array": (b"[" + event() + b"]", "not a JSON object"),
    "a string": (b'"disk full"', "not a JSON object"),
    "a number": (b"1", "not a JSON object"),
    "null": (b"null", "not a JSON object"),
    "one byte too long": (event().ljust(LIMIT + 1), "65537 bytes exceeds 65536"),
    "far too long": (event(Extra="x" * 200_000), "exceeds 65536 bytes"),
    "no UserID": (event(UserID=None), "UserID is missing"),
    "no AlarmID": (event(AlarmID=None), "AlarmID is missing"),
    "no Status": (event(Status=None), "Status is missing"),
    "no ChangedAt": (event(ChangedAt=None), "ChangedAt is missing"),
    "an empty object": (b"{}", "UserID is missing"),
    "a null UserID": (nulled("UserID"), "UserID is not a string"),
    "a null Status": (nulled("Status"), "Status is not a string"),
    "a number as UserID": (event(UserID=2), "UserID is not a string but a number"),
    "a list as AlarmID": (event(AlarmID=["a"]), "AlarmID is not a string"),
    "an object as AlarmID": (event(AlarmID={"$ne": ""}), "AlarmID is not a string"),
    "a boolean as Status": (event(Status=True), "Status is not a string"),
    "a number as ChangedAt": (event(ChangedAt=1623098415), "by its size seconds since 1970"),
    "an empty UserID": (event(UserID=""), "UserID is empty"),
    "an empty AlarmID": (event(AlarmID=""), "AlarmID is empty"),
    "257 bytes of UserID": (event(UserID="x" * 257), "UserID exceeds 256 bytes"),
    "257 bytes in 129 letters": (event(AlarmID="é" * 128 + "x"), "AlarmID exceeds 256 bytes"),
    "NUL in UserID": (event(UserID="a\0b"), "UserID contains a NUL"),
    "NUL in AlarmID": (event(AlarmID="\0"), "AlarmID contains a NUL"),
    "half a character": (event(UserID="\ud83d"), "not JSON"),
    "an unknown status": (event(Status="FATAL"), "Status is not one of"),
    "a status in lower case": (event(Status="warning"), "as in WARNING"),
    "a status in other words": (event(Status="Clear"), "CLEAR may mean CLEARED"),
    "a status with a space": (event(Status="WARNING "), "Status is not one of"),
    "an empty status": (event(Status=""), "Status is not one of"),
    "an empty time": (event(ChangedAt=""), "ChangedAt is not an RFC 3339 time"),
    "a time in words": (event(ChangedAt="yesterday"), "ChangedAt is not an RFC 3339 time"),
    "no offset": (event(ChangedAt="2021-06-07T20:40:15"), "it has no offset"),
    "no colon": (event(ChangedAt="2021-06-07T20:40:15+0200"), "its offset has no colon"),
    "a space": (event(ChangedAt="2021-06-07 20:40:15Z"), "a space stands for its T"),
    "a comma": (event(ChangedAt="2021-06-07T20:40:15,5Z"), "a comma stands for the dot"),
    "milliseconds": (event(ChangedAt="1623098415598"), "by its size milliseconds since 1970"),
    "a date": (event(ChangedAt="2021-06-07"), "is not an RFC 3339 time"),
    "ten digits": (event(ChangedAt="2021-06-07T20:40:15.1234567890Z"), "at most 9 fractional"),
    "a dot": (event(ChangedAt="2021-06-07T20:40:15.Z"), "is not an RFC 3339 time"),
    "hour 24": (event(ChangedAt="2021-06-07T24:00:00Z"), "hour 24 is hour 00 of the next day"),
    "second 60": (event(ChangedAt="2021-06-07T20:40:60Z"), "only at a month's end"),
    "offset 24:00": (event(ChangedAt="2021-06-07T20:40:15+24:00"), "is not an RFC 3339 time"),
    "other digits": (event(ChangedAt="\uff12021-06-07T20:40:15Z"), "is not an RFC 3339 time"),
    "30 February": (event(ChangedAt="2021-02-30T20:40:15Z"), "a day that does not exist"),
    "month 13": (event(ChangedAt="2021-13-01T20:40:15Z"), "a day that does not exist"),
    "a nanosecond too late": (event(ChangedAt="2262-04-11T23:47:16.854775808Z"), "64-bit"),
    "a nanosecond too early": (event(ChangedAt="1677-09-21T00:12:43.145224191Z"), "64-bit"),
    "year 9999": (event(ChangedAt="9999-12-31T23:59:59Z"), "64-bit"),
}

BAD_REQUESTS = {
    "an empty body": (b"", "not JSON"),
    "no JSON": (b"u", "not JSON"),
    "an array": (b'["u"]', "not a JSON object"),
    "no UserID": (b"{}", "UserID is missing"),
    "a number as UserID": (b'{"UserID": 2}', "UserID is not a string"),
    "a null UserID": (b'{"UserID": null}', "UserID is not a string"),
    "an empty UserID": (b'{"UserID": ""}', "UserID is empty"),
    "257 bytes of UserID": (json.dumps({"UserID": "x" * 257}).encode(), "exceeds 256 bytes"),
    "NUL in UserID": (b'{"UserID": "\\u0000"}', "UserID contains a NUL"),
    "one byte too long": (b'{"UserID": "u"}'.ljust(LIMIT + 1), "65537 bytes exceeds 65536"),
}

TABLE = [
    pytest.param(kind, body, reason, id=f"{kind}: {name}")
    for kind, table in (("event", BAD_EVENTS), ("request", BAD_REQUESTS))
    for name, (body, reason) in table.items()
]


@pytest.fixture(scope="module")
def serving(
    nats_url: str, mongodb_uri: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Deployment]:
    """One service for the whole table: none of it may stop it."""
    deployment = Deployment(nats_url, mongodb_uri, tmp_path_factory.mktemp("bad-input"))
    deployment.start()
    yield deployment
    deployment.end()


@pytest.mark.xdist_group("bad input")
@pytest.mark.parametrize(("kind", "body", "reason"), TABLE)
async def test_bad_input_becomes_a_dead_letter_unchanged_and_explained(
    serving: Deployment, kind: str, body: bytes, reason: str
) -> None:
    """Byte for byte, with why and whence; the original is acknowledged, the next is served."""
    names = serving.names
    subject = names.events if kind == "event" else names.requests
    async with serving.broker() as broker:
        dead_letters = await broker.client.subscribe(names.dead_letters)
        digests = await broker.client.subscribe(names.digests)
        sequence = await broker.put(subject, body)
        letter = await dead_letters.next_msg(timeout=PATIENCE_S)
        await broker.request(f"after-{sequence}")
        digest = await digests.next_msg(timeout=PATIENCE_S)
        await broker.settled()
        left = await broker.left()
    assert letter.data == body
    headers = letter.headers
    assert headers is not None
    assert reason in headers["Dead-Letter-Reason"]
    assert headers["Dead-Letter-Subject"] == subject
    assert headers["Dead-Letter-Sequence"] == str(sequence)
    age = datetime.now(UTC) - datetime.fromisoformat(headers["Dead-Letter-Time"])
    assert timedelta(0) <= age < timedelta(seconds=30)
    assert json.loads(digest.data) == {"UserID": f"after-{sequence}", "ActiveAlarms": []}
    assert left == 0


async def test_dead_letters_are_kept_in_a_stream(serving: Deployment) -> None:
    """Nobody need listen when they arrive."""
    async with serving.broker() as broker:
        sequence = await broker.put(serving.names.events, b"kept")
        await broker.settled()
        letter = await broker.next_dead_letter()
        while letter.headers is None or letter.headers["Dead-Letter-Sequence"] != str(sequence):
            letter = await broker.next_dead_letter()
    assert letter.data == b"kept"


async def test_a_field_is_never_taken_over_from_another_message(serving: Deployment) -> None:
    """Between two whole events an incomplete one is refused, and leaves no trace."""
    async with serving.broker() as broker:
        digests = await broker.client.subscribe(serving.names.digests)
        await broker.event("whole", "first", "WARNING")
        await broker.put(serving.names.events, event(UserID=None, AlarmID="incomplete"))
        await broker.put(serving.names.events, event(UserID="whole", Status=None))
        await broker.event("whole", "second", "CRITICAL")
        await broker.request("whole")
        digest = json.loads((await digests.next_msg(timeout=PATIENCE_S)).data)
    assert [alarm["AlarmID"] for alarm in digest["ActiveAlarms"]] == ["first", "second"]


async def test_a_body_of_exactly_the_limit_is_taken(serving: Deployment) -> None:
    """64 KiB is not over 64 KiB."""
    async with serving.broker() as broker:
        digests = await broker.client.subscribe(serving.names.digests)
        await broker.put(serving.names.events, event(UserID="long").ljust(LIMIT))
        await broker.put(serving.names.requests, b'{"UserID": "long"}'.ljust(LIMIT))
        digest = json.loads((await digests.next_msg(timeout=PATIENCE_S)).data)
    assert [alarm["AlarmID"] for alarm in digest["ActiveAlarms"]] == ["disk-full"]


async def test_the_limit_of_a_body_can_be_set(deployment: Deployment) -> None:
    """With MAX_BODY_BYTES."""
    deployment.start(MAX_BODY_BYTES=200)
    async with deployment.broker() as broker:
        await broker.put(deployment.names.events, event().ljust(200))
        await broker.put(deployment.names.events, event().ljust(201))
        letter = await broker.next_dead_letter()
        await broker.settled()
    assert letter.headers is not None
    assert "201 bytes exceeds 200" in letter.headers["Dead-Letter-Reason"]
