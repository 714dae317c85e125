"""Digests: whole or in parts, under their ids, all of it or nothing."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from actors.errors import PublishFailedError
from actors.rules.alarms import AlarmID, Severity, UserID
from actors.rules.digest import Digest, DigestID, DigestItem
from bus.outbound import digests as digests_module
from bus.outbound.digests import ITEMS_IN_A_SLICE, DigestSender, messages_of
from bus.subjects import Subjects
from bus.wire.contexts import child_of
from tests.unit.bus.transport import RecordingTransport, Sent
from tests.unit.bus.wire.test_contexts import CONTEXT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bus.outbound.message import OutgoingMessage

SUBJECTS = Subjects(alarm_digest="out.digests")
LATE = PublishFailedError("no answer in time")
LOST = PublishFailedError("the connection was lost")
NARROW = 600
"""Bytes of a message."""


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


def _names(sent: Sent) -> list[str]:
    return [item["AlarmID"] for item in json.loads(sent.body)["ActiveAlarms"]]


def test_many_alarms_are_encoded_some_in_a_turn_of_the_loop(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """And sent all at once, in order, under the limit that holds by then."""
    encoded: list[int] = []
    encode_items = digests_module.encode_items  # type: ignore[attr-defined]

    def counted(items: Sequence[DigestItem]) -> list[bytes]:
        encoded[-1] += len(items)
        return encode_items(items)

    monkeypatch.setattr(digests_module, "encode_items", counted)
    encoded.append(0)
    count = 3 * ITEMS_IN_A_SLICE + 1
    transport, settled = _send_digest(count, 10**6)
    transport.max_payload_bytes = 100_000
    while transport.timers:
        assert transport.sent == []
        encoded.append(0)
        transport.timers.pop(0)[1]()
    assert encoded == [ITEMS_IN_A_SLICE] * 3 + [1]
    names = [name for sent in transport.sent for name in _names(sent)]
    assert names == [f"alarm-{number}" for number in range(count)]
    assert all(sent.message.size <= 100_000 for sent in transport.sent)
    for sent in transport.sent:
        sent.settle(None)
    assert settled == [None]


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


def test_a_digest_too_large_is_sent_in_parts_of_that_size_headers_counted() -> None:
    """All alarms in order; each part's id holds the bounds of what it carries."""
    transport, _ = _send_digest(20, NARROW)
    assert len(transport.sent) > 1
    assert [name for sent in transport.sent for name in _names(sent)] == [
        f"alarm-{number}" for number in range(20)
    ]
    first = 0
    for sent in transport.sent:
        end = first + len(_names(sent))
        assert sent.headers == {"Nats-Msg-Id": f"d1.{first}-{end}"}
        assert sent.message.size <= NARROW
        first = end


def test_parts_after_a_change_of_the_limit_have_other_ids() -> None:
    """A part never sent must not be dropped as one that was."""
    narrow, _ = _send_digest(20, NARROW)
    wide, _ = _send_digest(20, NARROW + 400)
    carried: dict[str, bytes] = {}
    for sent in narrow.sent + wide.sent:
        assert carried.setdefault(sent.headers["Nats-Msg-Id"], sent.body) == sent.body


def test_a_digest_in_parts_is_settled_once_when_all_of_them_are() -> None:
    """In whatever order the answers come."""
    transport, settled = _send_digest(20, NARROW)
    *others, last = reversed(transport.sent)
    for sent in others:
        sent.settle(None)
        assert settled == []
    last.settle(None)
    assert settled == [None]


def test_a_digest_with_a_part_that_failed_has_failed() -> None:
    """Told once, after all answers, with why the first part was not taken."""
    transport, settled = _send_digest(20, NARROW)
    first, second, *others = transport.sent
    second.settle(LATE)
    first.settle(LOST)
    for sent in others:
        assert settled == []
        sent.settle(None)
    assert settled == [LOST]


def test_a_digest_bears_the_context_of_its_request_on() -> None:
    """As a child, the same in each part and at each attempt."""
    transport = RecordingTransport(NARROW)
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


@pytest.mark.parametrize("traceparent", [None, CONTEXT])
def test_a_digest_is_whole_wherever_it_fits_and_no_part_ever_exceeds_the_limit(
    traceparent: str | None,
) -> None:
    """Around the size at which it just fits, to the byte."""
    digest = replace(_digest(11), traceparent=traceparent)
    [whole] = messages_of(digest, "out", 10_000)
    room_for_bounds = len(".11-11")
    for spare in range(-3, 2):
        limit = whole.size + room_for_bounds + spare
        parts = messages_of(digest, "out", limit)
        assert len(parts) == (1 if spare >= 0 else 2)
        assert all(part.size <= limit for part in parts)


def test_where_one_part_can_never_be_taken_none_is_sent() -> None:
    """Whoever tries again would send the others again, to plain subscribers too."""
    transport = RecordingTransport(NARROW)
    large = DigestItem(AlarmID("x" * NARROW), Severity.WARNING, 99)
    digest = _digest(20)
    settled: list[PublishFailedError | None] = []
    DigestSender(transport, SUBJECTS).send(
        [replace(digest, items=(*digest.items, large))], settled.append
    )
    [error] = settled
    assert "600 fit" in str(error)
    assert not transport.sent


def _lines(message: OutgoingMessage) -> list[bytes]:
    return message.head.split(b"\r\n")


@pytest.mark.parametrize("user", ["u\r\nNats-Msg-Id: forged", "u\r\n\r\nbody", "\n", "\x85\u2028"])
def test_an_id_with_line_ends_reaches_the_body_unchanged_and_no_header(user: str) -> None:
    """SPEC section 1 allows every character but NUL in an id; headers hold none of it."""
    transport = RecordingTransport()
    digest = Digest(
        DigestID("d1"), UserID(user), (DigestItem(AlarmID(user), Severity.CRITICAL, 1),), CONTEXT
    )
    DigestSender(transport, SUBJECTS).send([digest], lambda _: None)
    [sent] = transport.sent
    assert _lines(sent.message) == [
        b"NATS/1.0",
        b"Nats-Msg-Id: d1",
        b"traceparent: " + child_of(CONTEXT, "d1").encode(),
        b"",
        b"",
    ]
    assert sent.subject == "out.digests"
    told = json.loads(sent.body)
    assert (told["UserID"], told["ActiveAlarms"][0]["AlarmID"]) == (user, user)
    assert b"\n" not in sent.body
