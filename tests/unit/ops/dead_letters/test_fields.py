"""Dead letters by their fields: filtered, and written down without losing a byte."""

from __future__ import annotations

import base64
import dataclasses
import json

import pytest

from ops.dead_letters.fields import fits, to_fields
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
