"""The quick way to whose a message is against the slow one, over bodies made to confuse it."""

from __future__ import annotations

from itertools import product
from random import Random
from typing import TYPE_CHECKING
from zlib import crc32

import pytest

from bus.subjects import Subjects
from bus.wire.ownership import (
    UNKNOWN,
    partition_of_bytes,
    plain_events,
    plain_partitions,
    plain_requests,
)
from tests.fuzz.judging import EVENTS, REQUESTS, Subject, each_body
from tests.fuzz.reference import Rejected

if TYPE_CHECKING:
    from collections.abc import Iterator

SUBJECTS = Subjects()
_NAMES = {EVENTS: SUBJECTS.alarm_status_changed, REQUESTS: SUBJECTS.send_alarm_digest}
_FORMS = {EVENTS: plain_events, REQUESTS: plain_requests}
_KINDS = pytest.mark.parametrize("kind", [EVENTS, REQUESTS], ids=lambda kind: kind.name)

_PARTS = [
    rb"\"",
    rb"\u0041",
    rb"\\",
    b"\\",
    b'"',
    b"\xef\xbb\xbf",
    b"\xff",
    b"\xc3\x84",
    b"\0",
    b"\n",
    b" ",
    b"  ",
    b",",
    b"}",
    b"{",
    b"\x7f",
    b"\x1f",
    b"x" * 255,
    b"x" * 256,
    b'","UserID":"other',
    b'","userid":"other',
    b'","USERID":"other","More":"',
    b'"UserID":"first",',
    b'"More":1,',
    b"AlarmID",
    b"userID",
    b"warning",
    b"CRITICAL",
    b"2020-02-30",
    b"2021-04-31",
    b"2021-13-01",
    b"2262-04-12",
    b"1677-09-21",
    b"1969-12-31",
    b"T24:00:00Z",
    b"T23:59:60Z",
    b"+00:00",
    b"z",
    b".1234567890Z",
    b".Z",
    b"null",
]
_PLAIN = {
    EVENTS: [
        b'{"AlarmID":"a1","UserID":"u1","Status":"WARNING","ChangedAt":"2021-06-07T20:40:15.5Z"}',
        b'{"UserID":"$", "AlarmID": "~", "Status": "CLEARED", "ChangedAt": "2199-10-31T00:00:00Z"}',
        b'{"AlarmID":"a","UserID":"' + b"u" * 256 + b'","Status":"CRITICAL",'
        b'"ChangedAt":"1970-02-28T23:59:59.123456789Z"}',
    ],
    REQUESTS: [b'{"UserID":"u1"}', b'{"UserID": "' + b"u" * 256 + b'"}'],
}


def _agrees(kind: Subject, body: bytes) -> bool:
    """Whether the quick way knows a body; fails when it knows another thing than the slow one."""
    [user_id] = _FORMS[kind]([body])
    if not user_id:
        return False
    read = kind.refer(body, len(body))
    assert not isinstance(read, Rejected), f"taken for valid: {body!r}"
    said = read[0] if isinstance(read, tuple) else read
    assert str(said).encode() == user_id, body
    assert partition_of_bytes(_NAMES[kind], body, SUBJECTS) == crc32(user_id) % 64, body
    return True


def _damaged(kind: Subject, random: Random, count: int) -> Iterator[bytes]:
    """Yield plain bodies with bytes cut off, swapped, put in or repeated, one to three times."""
    for _ in range(count):
        body = random.choice(_PLAIN[kind])
        for _ in range(random.randint(1, 3)):
            at, end = sorted(random.choices(range(len(body) + 1), k=2))
            way = random.randrange(5)
            if way == 0:
                body = body[:end]
            elif way == 1:
                body = body[:at] + bytes([random.randrange(256)]) + body[at + 1 :]
            elif way == 2:
                body = body[:at] + random.choice(_PARTS) + body[at:]
            elif way == 3:
                end = at + random.choice([1, 2, 4, 10])
                body = body[:at] + random.choice(_PARTS) + body[end:]
            else:
                body = body[:at] + body[at : at + 20] + body[at:]
        yield body


@_KINDS
def test_the_form_of_most_producers_is_known(kind: Subject) -> None:
    """Go's and Python's writing of JSON, in either order of the identifiers."""
    assert all(_agrees(kind, body) for body in _PLAIN[kind])


@_KINDS
def test_what_the_quick_way_knows_the_slow_way_says_too(kind: Subject) -> None:
    """A body that two instances read differently is nobody's, and lost."""
    known = sum(_agrees(kind, body) for body in _damaged(kind, Random(1), 60_000))
    assert known > 600


def test_of_many_at_once_each_is_read_by_itself() -> None:
    """Events, requests and what is neither, with line breaks within: none moves another."""
    random = Random(2)
    events = list(_damaged(EVENTS, random, 20_000)) + _PLAIN[EVENTS] * 2000
    requests = list(_damaged(REQUESTS, random, 2000)) + _PLAIN[REQUESTS] * 2000
    bodies = [(_NAMES[EVENTS], body) for body in events]
    bodies += [(_NAMES[REQUESTS], body) for body in requests]
    bodies += [("Renamed", body) for body in _PLAIN[EVENTS] + _PLAIN[REQUESTS]]
    random.shuffle(bodies)
    known = 0
    while bodies:
        many, bodies = bodies[: (size := random.randint(1, 200))], bodies[size:]
        if random.random() < 0.5:
            many = [(name, body) for name, body in many if b"\n" not in body]
        numbers = plain_partitions([n for n, _ in many], [b for _, b in many], SUBJECTS)
        for (name, body), number in zip(many, numbers, strict=True):
            [alone] = plain_partitions([name], [body], SUBJECTS)
            assert number == alone
            if number != UNKNOWN:
                assert number == partition_of_bytes(name, body, SUBJECTS)
                known += 1
    assert known > 5000


@_KINDS
def test_every_byte_in_every_place(kind: Subject) -> None:
    """Each byte of a plain body replaced by each of 256, left out, and everything cut behind it."""
    for body in (one for one in _PLAIN[kind] if len(one) < 150):
        for at in range(len(body)):
            for byte in range(256):
                _agrees(kind, body[:at] + bytes([byte]) + body[at + 1 :])
            _agrees(kind, body[:at] + body[at + 1 :])
            assert not _agrees(kind, body[:at])


def test_no_day_is_known_that_does_not_exist() -> None:
    """The calendar stands in a pattern."""
    days = product((1969, 1970, 2020, 2021, 2100, 2199, 2262), range(14), range(33))
    plain = _PLAIN[EVENTS][0]
    known = [_agrees(EVENTS, plain.replace(b"2021-06-07", b"%04d-%02d-%02d" % day)) for day in days]
    assert sum(known) == 5 * 365  # 29 February goes the slow way


@pytest.mark.long
@_KINDS
def test_bodies_made_for_the_codec(kind: Subject) -> None:
    """Escapes, repeated keys, other casing, unknown keys, nesting, what is no JSON."""

    def judge(body: bytes) -> None:
        _agrees(kind, body)

    each_body(kind, 2000, 3, judge)
