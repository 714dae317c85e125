"""The codec, reading plain events: the short way rejects what the long one does."""

from __future__ import annotations

import json

import pytest

from bus.errors import MessageRejectedError
from bus.wire.codec import decode_alarm_status_changed

LIMIT = 64 * 1024


def _event(name: object) -> bytes:
    """Return an event both of whose ids are ``name``."""
    fields = {"AlarmID": name, "UserID": name, "Status": "WARNING"}
    return json.dumps(fields | {"ChangedAt": "2021-06-07T20:40:15.5Z"}).encode()


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("", "UserID is empty"),
        ("a\0b", "UserID contains a NUL character"),
        ("x" * 257, "UserID exceeds 256 bytes"),
        ("ü" * 129, "UserID exceeds 256 bytes"),
        (["u"], "UserID is not a string"),
        ({"u": "u"}, "UserID is not a string"),
        (1, "UserID is not a string"),
        (None, "UserID is not a string"),
    ],
)
def test_two_ids_with_the_same_flaw_are_rejected(name: object, reason: str) -> None:
    """Nothing is right because both are wrong."""
    with pytest.raises(MessageRejectedError) as rejection:
        decode_alarm_status_changed(_event(name), LIMIT)
    assert str(rejection.value).startswith(reason)


def test_the_reason_tells_where_a_body_ceases_to_be_json() -> None:
    """For whoever has to mend the producer."""
    with pytest.raises(MessageRejectedError, match=r"not JSON: .* line 2 column 3"):
        decode_alarm_status_changed(b'{\n  UserID: "u"}', LIMIT)


@pytest.mark.parametrize("name", ["u", "x" * 64, "x" * 65, "x" * 256, "ü" * 128, "😀" * 64])
def test_ids_up_to_the_limit_are_taken(name: str) -> None:
    """256 bytes as UTF-8, however many characters."""
    event = decode_alarm_status_changed(_event(name), LIMIT)
    assert (event.user_id, event.alarm_id) == (name, name)
