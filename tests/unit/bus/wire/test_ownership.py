"""Whose a message is: by its bytes alone, and by every reader alike."""

from __future__ import annotations

from zlib import crc32

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.errors import SettingsError
from actors.rejections import RejectionKind
from bus.settings import BusSettings
from bus.subjects import Subjects
from bus.wire.ownership import (
    LARGEST_BODY_BYTES,
    NOBODYS,
    partition_of_bytes,
    partition_of_rejected,
)

SUBJECTS = Subjects()
PLAIN = b'{"UserID":"u1","AlarmID":"a","Status":"WARNING","ChangedAt":"1970-01-01T00:00:00Z"}'
EVENT, REQUEST = SUBJECTS.alarm_status_changed, SUBJECTS.send_alarm_digest
USER_IDS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1)


def _event(user_id: str, **fields: object) -> bytes:
    at = "2021-06-07T20:40:15Z"
    return orjson.dumps(
        {"UserID": user_id, "AlarmID": "a", "Status": "WARNING", "ChangedAt": at, **fields}
    )


@given(USER_IDS.filter(lambda text: len(text.encode()) <= 256))
def test_a_valid_message_belongs_to_the_partition_of_its_user(user_id: str) -> None:
    """CRC-32 of the UserID as UTF-8, as producers in other languages compute it."""
    number = crc32(user_id.encode()) % 64
    assert partition_of_bytes(EVENT, _event(user_id), SUBJECTS) == number
    assert partition_of_bytes(REQUEST, orjson.dumps({"userid": user_id}), SUBJECTS) == number


def test_the_size_of_a_body_does_not_matter() -> None:
    """Two instances may have different limits."""
    small, large = _event("u1"), _event("u1", Note="x" * 1_000_000)
    assert partition_of_bytes(EVENT, large, SUBJECTS) == partition_of_bytes(EVENT, small, SUBJECTS)


def test_what_no_setting_allows_is_nobodys_and_not_decoded() -> None:
    """Of 30 MB of brackets decoding makes a gigabyte, in seconds in which nobody is served."""
    largest = _event("u1", Note="x" * 1_000).ljust(LARGEST_BODY_BYTES)
    assert partition_of_bytes(EVENT, largest, SUBJECTS) == crc32(b"u1") % 64
    assert partition_of_bytes(EVENT, largest + b" ", SUBJECTS) == NOBODYS
    BusSettings(max_body_bytes=LARGEST_BODY_BYTES)
    with pytest.raises(SettingsError, match="MAX_BODY_BYTES"):
        BusSettings(max_body_bytes=LARGEST_BODY_BYTES + 1)


@pytest.mark.parametrize(
    ("subject", "body"),
    [
        (EVENT, b""),
        (EVENT, b"{}"),
        (EVENT, b"\xff"),
        (EVENT, _event("u1")[:-1]),
        (EVENT, _event("u1", Status="warning")),
        (EVENT, _event("u" * 257)),
        (EVENT, orjson.dumps({"UserID": "u1"})),
        (REQUEST, b'{"UserID":""}'),
        ("AlarmRenamed", _event("u1")),
    ],
)
def test_what_is_not_valid_belongs_to_partition_0(subject: str, body: bytes) -> None:
    """Though a user may stand in it: all of it must be by the contract."""
    assert partition_of_bytes(subject, body, SUBJECTS) == NOBODYS == 0


def test_what_fails_to_be_decoded_by_a_fault_of_ours_is_whose_its_bytes_say(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """By its plain form others have passed it over as that user's: as nobody's it would be lost."""
    number = crc32(b"u1") % 64
    request = b'{"UserID":"u1"}'
    for subject, body in ((EVENT, PLAIN), (REQUEST, request)):
        kind = RejectionKind.INTERNAL
        assert partition_of_rejected(subject, body, SUBJECTS, kind) == number
        assert partition_of_rejected(subject, b" " + body, SUBJECTS, kind) == NOBODYS
    assert partition_of_rejected("Other", PLAIN, SUBJECTS, RejectionKind.INTERNAL) == NOBODYS

    def fail(body: bytes, max_bytes: int) -> None:
        raise RuntimeError(body, max_bytes)

    monkeypatch.setattr("bus.wire.ownership.decode_alarm_status_changed", fail)
    assert partition_of_bytes(EVENT, PLAIN, SUBJECTS) == number
