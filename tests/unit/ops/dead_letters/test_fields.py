"""Dead letters by their fields: filtered, and written down without losing a byte."""

from __future__ import annotations

import base64
import dataclasses
import json

import pytest

from bus.dead_letters.pages import LetterHead
from ops.dead_letters.fields import fits, line_of, to_fields, user_in
from tests.unit.ops.dead_letters.letters import BINARY, LETTER


@pytest.mark.parametrize(
    ("reason", "subject", "expected"),
    [
        (None, None, True),
        ("NOT json", None, True),
        ("crashed", None, False),
        (None, "AlarmStatusChanged", True),
        (None, "alarmstatuschanged", False),
        ("not JSON", "SendAlarmDigest", False),
    ],
)
def test_filters_leave_what_both_fit(
    reason: str | None, subject: str | None, *, expected: bool
) -> None:
    """A part of the reason in any case, a subject exactly."""
    assert fits(LETTER, reason, subject) is expected


def test_a_body_that_is_text_stays_text_and_any_other_is_in_base64() -> None:
    """JSON can hold both, and gives the bytes back."""
    text, binary = (json.loads(json.dumps(to_fields(one))) for one in (LETTER, BINARY))
    assert text["body"] == "nonsense"
    assert base64.b64decode(binary["body_base64"]) == b"\xff"
    assert "body" not in binary


def test_all_that_is_known_of_a_letter_is_there() -> None:
    """But where its parts are."""
    known = {field.name for field in dataclasses.fields(LETTER)} - {"sequences", "body"}
    assert to_fields(LETTER).keys() == known | {"bytes", "body"}


HEAD = LetterHead(
    sequence=7,
    reason="the body is not JSON",
    subject="AlarmStatusChanged",
    original_sequence=3,
    time="2021-06-07T20:40:15Z",
    size=5,
    cut_from=None,
)


@pytest.mark.parametrize(
    ("body", "user"),
    [
        (b'{"UserID": "2", "Status": "RED"}', "2"),
        (b'{"user_id": "2"}', "2"),
        (b'{"UserID": 2}', "2"),
        (b'{"specversion": "1.0", "data": {"userId": "2"}}', "2"),
        (b'{"UserID": ["2"]}', None),
        (b'{"Host": "h"}', None),
        (b'["UserID"]', None),
        (b"UserID=2", None),
        (b"\xff", None),
        (b"", None),
    ],
)
def test_whose_a_rejected_body_seems_to_be_is_read_from_it(body: bytes, user: str | None) -> None:
    """Whoever looks for a user's lost alarm finds it by that, whatever was wrong with it."""
    assert user_in(body) == user


def test_a_line_shows_how_the_body_begins() -> None:
    """Whole where it is short, never with half a character, and what is no text as such."""
    assert line_of(HEAD, b'{"a":').begin == '{"a":'
    assert line_of(HEAD, "é".encode() * 200).begin == "é" * 80
    assert line_of(HEAD, b"x" + "é".encode() * 200).begin == "x" + "é" * 79
    assert line_of(HEAD, b"\xffa").begin == "\ufffda"
    assert line_of(HEAD, None).begin is None
    assert line_of(HEAD, b"").begin == ""
