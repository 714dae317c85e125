"""Sending: digests in parts, dead letters until they are durable."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from actors.errors import PublishFailedError
from actors.rules.alarms import AlarmID, Severity, UserID
from actors.rules.digest import Digest, DigestID, DigestItem
from actors.rules.positions import Place
from bus.inbound.intake import Message
from bus.outbound.sending import (
    DEAD_LETTER_RETRY_S,
    HEADER_ROOM_BYTES,
    DeadLetterSender,
    DigestSender,
    headers_size,
)
from bus.subjects import Subjects
from bus.wire.contexts import child_of
from tests.unit.bus.transport import RecordingTransport, Sent
from tests.unit.bus.wire.test_contexts import CONTEXT

SUBJECTS = Subjects(alarm_digest="out.digests", dead_letter="out.dead")
LATE = PublishFailedError("no answer in time")
LOST = PublishFailedError("the connection was lost")
WALL_S = 1_623_098_415.5
MESSAGE = Message("in.events", b"\xff{not json", "", Place(7, 99))


def _digest(alarms: int) -> Digest:
    items = tuple(
        DigestItem(AlarmID(f"alarm-{number}"), Severity.WARNING, number) for number in range(alarms)
    )
    return Digest(DigestID("d1"), UserID("u1"), items)


def _send_digest(
    alarms: int, max_payload_bytes: int
) -> tuple[RecordingTransport, list[PublishFailedError | None]]:
    transport = RecordingTransport(max_payload_bytes)
    settled: list[PublishFailedError | None] = []
    DigestSender(transport, SUBJECTS).send([_digest(alarms)], settled.append)
    return transport, settled


def _send_dead_letter(
    message: Message, reason: str = "UserID is missing", max_payload_bytes: int = 10_000
) -> tuple[RecordingTransport, list[str]]:
    transport = RecordingTransport(max_payload_bytes)
    done: list[str] = []
    sender = DeadLetterSender(transport, SUBJECTS, lambda: WALL_S)
    sender.send(message, reason, lambda: done.append("done"))
    return transport, done


def _names(sent: Sent) -> list[str]:
    return [item["AlarmID"] for item in json.loads(sent.body)["ActiveAlarms"]]


def test_a_digest_is_sent_under_its_id() -> None:
    """The stream drops a repeat of the same ``Nats-Msg-Id``."""
    transport, settled = _send_digest(2, 10_000)
    [sent] = transport.sent
    assert sent.subject == "out.digests"
    assert sent.headers == {"Nats-Msg-Id": "d1"}
    assert _names(sent) == ["alarm-0", "alarm-1"]
    assert settled == []
    sent.settle(None)
    assert settled == [None]


def test_an_empty_digest_is_sent_too() -> None:
    """Somebody waits for the answer."""
    transport, _ = _send_digest(0, 10_000)
    assert [sent.body for sent in transport.sent] == [b'{"UserID":"u1","ActiveAlarms":[]}']


def test_a_digest_too_large_is_sent_in_parts_that_leave_room_for_headers() -> None:
    """All alarms in order; each part's id holds the bounds of what it carries."""
    transport, _ = _send_digest(20, HEADER_ROOM_BYTES + 500)
    assert len(transport.sent) > 1
    assert [name for sent in transport.sent for name in _names(sent)] == [
        f"alarm-{number}" for number in range(20)
    ]
    first = 0
    for sent in transport.sent:
        end = first + len(_names(sent))
        assert sent.headers == {"Nats-Msg-Id": f"d1.{first}-{end}"}
        assert len(sent.body) <= 500
        first = end


def test_parts_after_a_change_of_the_limit_have_other_ids() -> None:
    """A part never sent must not be dropped as one that was."""
    narrow, _ = _send_digest(20, HEADER_ROOM_BYTES + 500)
    wide, _ = _send_digest(20, HEADER_ROOM_BYTES + 900)
    carried: dict[str, bytes] = {}
    for sent in narrow.sent + wide.sent:
        assert carried.setdefault(sent.headers["Nats-Msg-Id"], sent.body) == sent.body


def test_a_digest_in_parts_is_settled_once_when_all_of_them_are() -> None:
    """In whatever order the answers come."""
    transport, settled = _send_digest(20, HEADER_ROOM_BYTES + 500)
    *others, last = reversed(transport.sent)
    for sent in others:
        sent.settle(None)
        assert settled == []
    last.settle(None)
    assert settled == [None]


def test_a_digest_with_a_part_that_failed_has_failed() -> None:
    """Told once, after all answers, with the first failure."""
    transport, settled = _send_digest(20, HEADER_ROOM_BYTES + 500)
    first, second, *others = transport.sent
    second.settle(LATE)
    first.settle(LOST)
    for sent in others:
        assert settled == []
        sent.settle(None)
    assert settled == [LATE]


def test_several_digests_are_sent_in_order_and_settled_together() -> None:
    """Each under its own id."""
    transport = RecordingTransport()
    settled: list[PublishFailedError | None] = []
    digests = [replace(_digest(1), digest_id=DigestID(name)) for name in ("d1", "d2", "d3")]
    DigestSender(transport, SUBJECTS).send(digests, settled.append)
    assert [sent.headers["Nats-Msg-Id"] for sent in transport.sent] == ["d1", "d2", "d3"]
    for sent in transport.sent:
        assert settled == []
        sent.settle(None)
    assert settled == [None]


def test_a_dead_letter_carries_the_body_unchanged_and_why_and_whence() -> None:
    """Byte for byte, under an id of its own."""
    transport, done = _send_dead_letter(MESSAGE)
    [sent] = transport.sent
    assert sent.subject == "out.dead"
    assert sent.body == b"\xff{not json"
    assert sent.headers == {
        "Dead-Letter-Reason": "UserID is missing",
        "Dead-Letter-Subject": "in.events",
        "Dead-Letter-Sequence": "7",
        "Dead-Letter-Time": "2021-06-07T20:40:15.500000Z",
        "Nats-Msg-Id": "dead-letter.7.99",
    }
    assert done == []
    sent.settle(None)
    assert done == ["done"]


def test_a_dead_letter_of_core_nats_is_of_no_stream() -> None:
    """Its id has the name of the process that took it."""
    transport, _ = _send_dead_letter(MESSAGE._replace(place=Place(7, 0, "core.1")))
    assert transport.sent[0].headers["Nats-Msg-Id"] == "dead-letter.core.1.7"
    assert transport.sent[0].headers["Dead-Letter-Sequence"] == "0"


@pytest.mark.parametrize(
    ("reason", "header"),
    [
        ("ungültig: 🚨", "ung\\xfcltig: \\U0001f6a8"),
        ("one\r\nNats-Msg-Id: forged\n\ttwo", "one Nats-Msg-Id: forged two"),
        ("a\u2028b\x85c", "a\\u2028b\\x85c"),
        ("lone \ud800", "lone \\ud800"),
        ("  spaced   out  ", "spaced out"),
    ],
)
def test_a_reason_becomes_one_line_of_ascii(reason: str, header: str) -> None:
    """What else a header holds, some clients cannot read."""
    transport, _ = _send_dead_letter(MESSAGE, reason)
    assert transport.sent[0].headers["Dead-Letter-Reason"] == header


def test_a_long_reason_is_cut() -> None:
    """A crash's text may be as long as a message."""
    transport, _ = _send_dead_letter(MESSAGE, "é" * 10_000)
    assert transport.sent[0].headers["Dead-Letter-Reason"] == "\\xe9" * 64


def test_a_dead_letter_is_sent_until_it_is_durable() -> None:
    """The same again after each failure, with a pause, and done only at the end."""
    transport, done = _send_dead_letter(MESSAGE)
    for attempt, error in enumerate((LATE, LOST), start=1):
        transport.sent[-1].settle(error)
        assert done == []
        assert len(transport.sent) == attempt
        [(delay_s, again)] = transport.timers
        assert delay_s == DEAD_LETTER_RETRY_S
        transport.timers.clear()
        again()
    transport.sent[-1].settle(None)
    assert done == ["done"]
    assert transport.timers == []
    assert len({(sent.subject, sent.body, str(sent.headers)) for sent in transport.sent}) == 1


@pytest.mark.parametrize("spare", range(-3, 2))
def test_a_dead_letter_never_exceeds_what_the_server_takes(spare: int) -> None:
    """A server closes the connection of whoever exceeds it, headers counted."""
    body = bytes(range(256)) * 8
    [whole] = _send_dead_letter(MESSAGE._replace(body=body))[0].sent
    limit = len(body) + headers_size(whole.headers) + spare
    transport, _ = _send_dead_letter(MESSAGE._replace(body=body), max_payload_bytes=limit)
    assert len(transport.sent) == (1 if spare >= 0 else 2)
    assert b"".join(sent.body for sent in transport.sent) == body
    assert all(len(sent.body) + headers_size(sent.headers) <= limit for sent in transport.sent)


def test_a_message_as_large_as_the_server_takes_becomes_a_dead_letter_in_parts() -> None:
    """Consecutive, numbered, each with why and whence; done when all of them are durable."""
    body = bytes(range(250)) * 40
    transport, done = _send_dead_letter(MESSAGE._replace(body=body), "ü" * 999)
    first, second = transport.sent
    assert first.body + second.body == body
    assert [sent.headers["Dead-Letter-Part"] for sent in (first, second)] == ["1/2", "2/2"]
    split = len(first.body)
    assert first.headers["Nats-Msg-Id"] == f"dead-letter.7.99.0-{split}"
    assert second.headers["Nats-Msg-Id"] == f"dead-letter.7.99.{split}-{len(body)}"
    for sent in (first, second):
        assert sent.headers["Dead-Letter-Subject"] == "in.events"
    first.settle(LATE)
    second.settle(None)
    assert done == []
    [(_, again)] = transport.timers
    again()
    assert [(sent.body, sent.headers) for sent in transport.sent[2:]] == [
        (sent.body, sent.headers) for sent in (first, second)
    ]
    for sent in transport.sent[2:]:
        assert done == []
        sent.settle(None)
    assert done == ["done"]


def test_the_size_of_headers_is_that_on_the_wire() -> None:
    """Counted in UTF-8, with the protocol's own lines."""
    assert headers_size({"A": "ü", "Bc": ""}) == len("NATS/1.0\r\nA: ü\r\nBc: \r\n\r\n".encode())


def test_a_digest_bears_the_context_of_its_request_on() -> None:
    """As a child, the same in each part and at each attempt."""
    transport = RecordingTransport(HEADER_ROOM_BYTES + 300)
    sender = DigestSender(transport, SUBJECTS)
    for _ in range(2):
        sender.send([replace(_digest(10), traceparent=CONTEXT)], lambda _: None)
    assert len(transport.sent) > 2
    assert {sent.headers["traceparent"] for sent in transport.sent} == {child_of(CONTEXT, "d1")}


@pytest.mark.parametrize("traceparent", [None, "damaged"])
def test_a_digest_without_a_sound_context_bears_none(traceparent: str | None) -> None:
    """Nearly all, and those of a checkpoint that somebody has edited."""
    transport = RecordingTransport()
    sender = DigestSender(transport, SUBJECTS)
    sender.send([replace(_digest(1), traceparent=traceparent)], lambda _: None)
    assert transport.sent[0].headers == {"Nats-Msg-Id": "d1"}


def test_a_dead_letter_keeps_the_context_of_its_message() -> None:
    """Whoever looks for the message finds where it ended."""
    transport, _ = _send_dead_letter(MESSAGE._replace(traceparent=CONTEXT))
    assert transport.sent[0].headers["traceparent"] == CONTEXT
