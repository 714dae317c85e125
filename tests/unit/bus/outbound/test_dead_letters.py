"""Dead letters: unchanged or cut, with why and whence, until they are durable."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from actors.errors import PublishFailedError
from actors.ports import DeliveryToken
from actors.rejections import Rejection, RejectionKind
from actors.rules.positions import Place
from bus.outbound.dead_letters import (
    GROUP,
    GROUP_BYTES,
    RETRY_WAIT_INITIAL_S,
    RETRY_WAIT_MAX_S,
    WINDOW,
    WINDOW_BYTES,
    DeadLetterSender,
    Share,
)
from bus.subjects import Subjects
from bus.tally import BusTally
from bus.wire.message import Message, Rejected
from tests.unit.bus.transport import RecordingTransport
from tests.unit.bus.wire.test_contexts import CONTEXT

if TYPE_CHECKING:
    from collections.abc import Sequence

SUBJECTS = Subjects(dead_letter="out.dead")
LATE = PublishFailedError("no answer in time")
LOST = PublishFailedError("the connection was lost")
WALL_S = 1_623_098_415.5
SHARE = Share(2_000, 4 * GROUP_BYTES)
MESSAGE = Message("in.events", b"\xff{not json", "", Place(7, 99))


def _send_dead_letter(
    message: Message, reason: str = "UserID is missing", max_payload_bytes: int = 10_000
) -> tuple[RecordingTransport, list[str]]:
    transport = RecordingTransport(max_payload_bytes)
    done: list[str] = []
    sender = DeadLetterSender(transport, SUBJECTS, lambda: WALL_S, SHARE)
    rejection = Rejection(RejectionKind.BAD_FIELD, reason)
    rejected = [Rejected(DeliveryToken(1), message, rejection)]
    sender.send(rejected, lambda stored: done.extend("done" for _ in stored))
    return transport, done


class Desk:
    """A sender, what it was given, and what of it is stored."""

    def __init__(self) -> None:
        """Nothing was rejected yet."""
        self.transport = RecordingTransport()
        self.tally = BusTally()
        self.stored: list[int] = []
        self.told: list[str] = []
        self.sender = DeadLetterSender(
            self.transport, SUBJECTS, lambda: WALL_S, SHARE, self.tally, self.told.append
        )

    def reject(self, sequences: range, body: bytes = b"{") -> None:
        """Have messages rejected at once."""
        rejection = Rejection(RejectionKind.NOT_JSON, "the body is not JSON")
        rejected = [
            Rejected(
                DeliveryToken(sequence),
                Message("in.events", body, "", Place(sequence, 0)),
                rejection,
            )
            for sequence in sequences
        ]
        self.sender.send(rejected, self._note)

    def answer(self, error: PublishFailedError | None = None) -> int:
        """Have all that is under way answered; return how many that were."""
        under_way, self.transport.sent = self.transport.sent, []
        for sent in under_way:
            sent.settle(error)
        return len(under_way)

    def pass_by(self) -> float:
        """Have the one pause end; return how long it was."""
        [(delay_s, action)] = self.transport.timers
        self.transport.timers.clear()
        action()
        return delay_s

    def _note(self, rejected: Sequence[Rejected]) -> None:
        self.stored += [one.message.sequence for one in rejected]


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


def test_a_dead_letter_of_core_nats_has_an_id_and_no_sequence() -> None:
    """Two equal messages there are two."""
    transport, _ = _send_dead_letter(MESSAGE._replace(place=Place(7, 0, "core.a")))
    assert transport.sent[0].headers["Nats-Msg-Id"] == "dead-letter.core.a.7"
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
        *_, (delay_s, again) = transport.timers
        assert delay_s == RETRY_WAIT_INITIAL_S * 2.0 ** (attempt - 1)
        transport.timers.clear()
        again()
    transport.sent[-1].settle(None)
    assert done == ["done"]
    assert transport.timers == []
    assert len({(sent.subject, sent.body, str(sent.headers)) for sent in transport.sent}) == 1


def test_more_letters_than_a_window_holds_go_in_it_group_by_group() -> None:
    """Each is a copy of its body: what waits for an answer is bounded, and none is left out."""
    desk = Desk()
    count = 4 * WINDOW
    desk.reject(range(1, count + 1))
    most = 0
    while answered := desk.answer():
        most = max(most, answered)
    assert most == WINDOW
    assert desk.stored == list(range(1, count + 1))
    assert desk.transport.timers == []


def test_large_bodies_fill_the_window_before_their_number_does() -> None:
    """One that is larger than a group goes alone."""
    desk = Desk()
    desk.transport.max_payload_bytes = 2 * GROUP_BYTES
    desk.reject(range(1, 21), b"x" * (GROUP_BYTES + 1))
    assert len(desk.transport.sent) == WINDOW_BYTES // GROUP_BYTES
    while desk.answer():
        pass
    assert desk.stored == list(range(1, 21))


def test_a_letter_that_is_stored_is_done_though_others_of_its_group_are_not() -> None:
    """And only those are sent again."""
    desk = Desk()
    desk.reject(range(1, 4))
    for sent, error in zip(desk.transport.sent, (None, LATE, None), strict=True):
        sent.settle(error)
    assert desk.stored == [1, 3]
    desk.transport.sent.clear()
    desk.pass_by()
    assert [sent.headers["Dead-Letter-Sequence"] for sent in desk.transport.sent] == ["2"]
    desk.answer()
    assert desk.stored == [1, 3, 2]


def test_while_letters_are_not_taken_one_tries_for_all_after_longer_and_longer() -> None:
    """A full stream was asked for each of fifty thousand letters, again each second."""
    desk = Desk()
    desk.reject(range(1, 2 * GROUP + 1))
    assert desk.answer(LATE) == 2 * GROUP
    pauses = []
    for _ in range(6):
        desk.reject(range(5_000, 5_100))
        assert desk.transport.sent == []
        pauses.append(desk.pass_by())
        assert desk.answer(LATE) == 1
    assert pauses == [0.5, 1.0, *[RETRY_WAIT_MAX_S] * 4]
    assert desk.tally.dead_letter_retries == 2 * GROUP + 6
    assert len(desk.told) == 2 + 6, "a line a group and attempt, and none a letter"
    desk.pass_by()
    while desk.answer():
        pass
    assert sorted(desk.stored) == sorted([*range(1, 2 * GROUP + 1), *[*range(5_000, 5_100)] * 6])
    assert desk.transport.timers == []


def test_what_waits_fills_its_share_only_while_letters_are_not_taken() -> None:
    """A flood that is stored as it comes fills nothing; and one letter less is no room yet."""
    desk = Desk()
    most = SHARE.messages
    desk.reject(range(1, most + 100))
    assert (desk.sender.held, desk.sender.is_clogged) == (most + 99, False)
    while desk.answer():
        pass
    desk.reject(range(1, most))
    desk.answer(LATE)
    assert (desk.sender.is_clogged, desk.sender.refused) == (False, str(LATE))
    desk.reject(range(most, most + 1))
    assert desk.sender.is_clogged
    desk.pass_by()
    desk.answer()
    seen = [(desk.sender.held, desk.sender.is_clogged)]
    assert seen == [(most - 1, True)]
    while desk.transport.sent:
        desk.transport.sent.pop(0).settle(None)
        seen.append((desk.sender.held, desk.sender.is_clogged))
    assert seen[-1] == (0, False)
    assert all(clogged is (held > most // 2) for held, clogged in seen)


def test_large_bodies_fill_the_share_before_their_number_does() -> None:
    """Bodies are kept for their letters."""
    desk = Desk()
    desk.reject(range(1, 5), b"x" * (GROUP_BYTES - 1))
    desk.answer(LATE)
    assert not desk.sender.is_clogged
    desk.reject(range(5, 6), b"x" * 4)
    assert desk.sender.is_clogged


def test_what_another_home_puts_aside_is_let_go_of() -> None:
    """Else each time that its partition comes back it would be held once more."""
    desk = Desk()
    desk.reject(range(1, SHARE.messages + 1))
    desk.answer(LATE)
    assert desk.sender.is_clogged
    desk.sender.forget({DeliveryToken(number) for number in range(2, SHARE.messages + 1)})
    assert (desk.sender.held, desk.sender.is_clogged) == (1, False)
    desk.pass_by()
    desk.answer()
    assert (desk.sender.held, desk.stored) == (0, [1])
    desk.reject(range(1, 3))
    desk.answer(LATE)
    desk.sender.forget({DeliveryToken(1), DeliveryToken(2)})
    desk.pass_by()
    assert (desk.transport.sent, desk.sender.refused) == ([], None)


def test_a_letter_that_is_refused_for_itself_alone_does_not_keep_the_others_waiting() -> None:
    """It goes behind them."""
    desk = Desk()
    desk.reject(range(1, 4))
    for _ in range(5):
        under_way, desk.transport.sent = desk.transport.sent, []
        for sent in under_way:
            sent.settle(LATE if sent.headers["Dead-Letter-Sequence"] == "1" else None)
        if not desk.transport.sent:
            desk.pass_by()
    assert desk.stored == [2, 3]
    desk.answer()
    assert desk.stored == [2, 3, 1]


def test_a_dead_letter_keeps_the_context_of_its_message() -> None:
    """Whoever looks for the message finds where it ended."""
    transport, _ = _send_dead_letter(MESSAGE._replace(traceparent=CONTEXT))
    assert transport.sent[0].headers["traceparent"] == CONTEXT


@pytest.mark.parametrize("spare", range(-3, 2))
def test_a_dead_letter_is_cut_only_where_it_exceeds_what_is_taken(spare: int) -> None:
    """Headers counted, to the byte; it then says how many bytes it had (SPEC section 6)."""
    body = bytes(range(256)) * 8
    message = MESSAGE._replace(body=body)
    [whole] = _send_dead_letter(message)[0].sent
    limit = whole.message.size + spare
    [sent] = _send_dead_letter(message, max_payload_bytes=limit)[0].sent
    assert sent.message.size <= limit
    if spare >= 0:
        assert (sent.body, sent.headers) == (body, whole.headers)
        return
    assert sent.headers == {**whole.headers, "Dead-Letter-Cut": "2048"}
    assert body.startswith(sent.body)
    assert sent.message.size == limit
    assert len(sent.body) == len(body) + spare - len("Dead-Letter-Cut: 2048\r\n")


def test_a_dead_letter_fits_what_is_taken_at_its_attempt() -> None:
    """A limit that was lowered meanwhile would refuse it for ever."""
    transport, done = _send_dead_letter(MESSAGE._replace(body=b"x" * 5_000))
    transport.max_payload_bytes = 1_000
    transport.sent[0].settle(LATE)
    *_, (_, again) = transport.timers
    again()
    first, second = transport.sent
    assert "Dead-Letter-Cut" not in first.headers
    assert second.headers == {**first.headers, "Dead-Letter-Cut": "5000"}
    assert second.message.size == 1_000
    second.settle(None)
    assert done == ["done"]


def test_where_not_even_the_headers_fit_the_reason_is_cut_too() -> None:
    """Else the message would be rejected again and again, and never settled."""
    transport, _ = _send_dead_letter(MESSAGE, "long " * 50, max_payload_bytes=300)
    [sent] = transport.sent
    assert sent.message.size == 300
    assert sent.body == b""
    assert sent.headers["Dead-Letter-Reason"].startswith("long long")


@pytest.mark.parametrize("subject", ["in.events", "in.\xe9v\xe8nements"])
def test_the_subject_is_named_as_it_is(subject: str) -> None:
    """A letter is put back to it."""
    [sent] = _send_dead_letter(MESSAGE._replace(subject=subject))[0].sent
    assert sent.headers["Dead-Letter-Subject"] == subject


def test_nothing_from_outside_ends_a_headers_line() -> None:
    """Whatever a message's subject, context or reason hold: six headers go in, six come out."""
    evil = "x\r\nDead-Letter-Subject: forged\r\n\r\nbody"
    message = MESSAGE._replace(subject=evil, traceparent=evil)
    [sent] = _send_dead_letter(message, evil)[0].sent
    lines = sent.message.head.split(b"\r\n")
    assert [line.partition(b":")[0].decode() for line in lines] == [
        "NATS/1.0",
        *sent.headers,
        "",
        "",
    ]
    assert b"\n" not in b"".join(lines)
    assert b"\r" not in b"".join(lines)
