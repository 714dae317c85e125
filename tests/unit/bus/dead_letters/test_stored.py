"""Letters are what the dead-letter stream holds, whoever has written there."""

from __future__ import annotations

import pytest

from actors.rejections import Rejection, RejectionKind
from actors.rules.positions import Place
from bus.dead_letters.stored import DeadLetter, Stored, letter_of
from bus.outbound.dead_letters import letter_of as written
from bus.wire.message import Message

REJECTION = Rejection(RejectionKind.NOT_JSON, "the body is not JSON")
MESSAGE = Message("AlarmStatusChanged", b"\xff" * 1000, "", Place(5, 77))


def read_back(limit_bytes: int) -> DeadLetter:
    """Return what is read of a letter that was written under a limit."""
    sent = written(MESSAGE, REJECTION, 1_623_098_415, "dead", limit_bytes)
    return letter_of(Stored(3, sent.headers, sent.body))


def test_a_letter_is_what_its_headers_say() -> None:
    """Under its own sequence, not the one it had in the input stream."""
    assert read_back(10_000) == DeadLetter(
        sequence=3,
        reason="the body is not JSON",
        subject="AlarmStatusChanged",
        original_sequence=5,
        time="2021-06-07T20:40:15Z",
        body=b"\xff" * 1000,
        cut_from=None,
    )


def test_a_letter_that_was_cut_says_from_what() -> None:
    """It can be dropped, and must not be put back as if it were whole."""
    letter = read_back(500)
    assert letter.cut_from == 1000
    assert 0 < len(letter.body) < 500


@pytest.mark.parametrize("cut", ["", "x", "-1", "1.5", "\u00b2"])
def test_headers_of_somebody_else_do_no_harm(cut: str) -> None:
    """Whoever may publish there writes what they like."""
    letter = letter_of(Stored(9, {"Dead-Letter-Cut": cut, "Dead-Letter-Sequence": "many"}, b"b"))
    assert (letter.body, letter.original_sequence, letter.cut_from) == (b"b", 0, None)
    bare = letter_of(Stored(9, {}, b""))
    assert (bare.subject, bare.reason, bare.time) == ("", "", "")
