"""A producer's developer reads in the reason what to mend."""

from __future__ import annotations

import base64
import gzip
import json
import time
import zlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bus.errors import MessageRejectedError
from bus.wire.codec import decode_alarm_status_changed

EVENT: dict[str, Any] = {
    "AlarmID": "a1",
    "UserID": "Jürgen",
    "Status": "WARNING",
    "ChangedAt": "2021-06-07T20:40:15.598765212Z",
}
TEXT = json.dumps(EVENT, ensure_ascii=False)
BODY = TEXT.encode()
MARK, NULS = "by the byte order mark it begins with", "by the NUL bytes it begins with"
AT = "ChangedAt is not an RFC 3339 time with an offset and at most 9 fractional digits: "
STATUS = "Status is not one of CLEARED, WARNING, CRITICAL: "


def _reason(body: bytes) -> str:
    with pytest.raises(MessageRejectedError) as raised:
        decode_alarm_status_changed(body, 64 * 1024)
    return str(raised.value)


def _of(**changes: object) -> str:
    return _reason(json.dumps(EVENT | changes).encode())


def _renamed(name: str, key: str) -> str:
    """The reason where a field comes under another key."""
    return _reason(json.dumps({key if k == name else k: v for k, v in EVENT.items()}).encode())


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "it is empty"),
        (b" \n", "it is empty"),
        (
            gzip.compress(BODY, mtime=0),
            "not UTF-8: begins with the gzip magic; send it uncompressed",
        ),
        (zlib.compress(BODY), "not UTF-8: begins as zlib's deflate does; send it uncompressed"),
        (b"\x28\xb5\x2f\xfd\0", "not UTF-8: begins with the zstd magic; send it uncompressed"),
        (
            BODY.decode().encode("utf-16"),
            "not UTF-8: UTF-16, by the byte order mark it begins with",
        ),
        (TEXT.encode("utf-16-le"), f"not UTF-8: UTF-16, {NULS}"),
        (TEXT.encode("utf-16-be"), f"not UTF-8: UTF-16, {NULS}"),
        (
            BODY.decode().encode("utf-32"),
            "not UTF-8: UTF-32, by the byte order mark it begins with",
        ),
        (TEXT.encode("utf-32-le"), f"not UTF-8: UTF-32, {NULS}"),
        (TEXT.encode("utf-32-be"), f"not UTF-8: UTF-32, {NULS}"),
        (
            TEXT.encode("latin-1"),
            "not UTF-8: Latin-1 or Windows-1252, by byte 0xfc at offset 30",
        ),
        (b"\xff{}", "not UTF-8: byte 0xff at offset 0"),
        (b"\xef\xbb\xbf" + BODY, "it begins with a byte order mark, which UTF-8 needs none of"),
        (b"<event/>", "it is XML or HTML, by how it begins"),
        (base64.b64encode(BODY), "it is base64, by how it begins"),
        (str(EVENT).encode(), "its quotes are single ones, JSON's are double"),
        (b"UserID=2&AlarmID=a", "it is a form, by how it begins"),
        (b'{"UserID": NaN}', "NaN is none of its values"),
        (b'{"UserID": None}', "None is none of its values"),
        (
            BODY + b"\n" + BODY,
            "another object follows the first; send each in a message of its own",
        ),
    ],
)
def test_a_body_that_is_no_json_is_told_by_what_it_is(body: bytes, said: str) -> None:
    """Compressed, in another encoding, in another form: not "line 1 column 1"."""
    assert _reason(body) == f"the body is not JSON: {said}"


def test_a_slip_in_json_is_told_with_its_place() -> None:
    """Where nothing is known of it, the parser's words stand."""
    assert _reason(b'{"UserID": "u1",}').startswith("the body is not JSON: trailing comma is not")
    assert _reason(b"disk full!").startswith("the body is not JSON: unexpected character")


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ([EVENT], "it is an array; send each in a message of its own"),
        ([], "it is an array"),
        (json.dumps(EVENT), "it is a string that holds one, encoded twice"),
        ("text", "it is a string"),
        (5, "it is a number"),
        (None, "it is null"),
        (True, "it is a boolean"),
    ],
)
def test_json_that_is_no_object_is_told_by_what_it_is(value: object, said: str) -> None:
    """A batch, or an event that was encoded twice."""
    assert _reason(json.dumps(value).encode()) == f"the body is not a JSON object: {said}"


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("UserID", "user_id"),
        ("UserID", "User-Id"),
        ("UserID", "user"),
        ("AlarmID", "alarm_id"),
        ("AlarmID", "alarm.id"),
        ("Status", "Severity"),
        ("ChangedAt", "changed_at"),
        ("ChangedAt", "timestamp"),
        ("ChangedAt", "LatestChangedAt"),
    ],
)
def test_a_field_under_another_key_is_told_by_both(name: str, key: str) -> None:
    """Snake case, and the words that others have for the same."""
    assert _renamed(name, key) == f"{name} is missing: {key} is not read; {name} is"


@pytest.mark.parametrize(
    ("envelope", "said"),
    [
        ({"specversion": "1.0", "id": "1", "time": "", "data": EVENT}, "one level down, in data"),
        ({"payload": {"user_id": "u"}}, "one level down, in payload"),
        ({"detail": {"alarm": EVENT}}, "two levels down, in detail.alarm"),
        ({"Message": json.dumps(EVENT)}, "one level down, in the text of Message"),
        ({"ключ": EVENT}, "one level down, in …"),
    ],
)
def test_an_event_in_an_envelope_is_told_by_where_it_is(envelope: object, said: str) -> None:
    """CloudEvents and others put it into a field of theirs."""
    assert _reason(json.dumps(envelope).encode()) == f"UserID is missing; it is {said}"


def test_what_is_nowhere_is_missing_and_no_more() -> None:
    """Nothing is guessed from what has nothing to do with it."""
    assert _reason(b'{"Host": {"Name": "x"}, "Text": "{}"}') == "UserID is missing"


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"UserID": 2}, "UserID is not a string but a number; write it in quotes"),
        ({"AlarmID": 2.5}, "AlarmID is not a string but a number; write it in quotes"),
        ({"AlarmID": None}, "AlarmID is not a string but null"),
        ({"Status": 1}, "Status is not a string but a number"),
        ({"Status": True}, "Status is not a string but a boolean"),
        ({"ChangedAt": [2021, 6, 7]}, "ChangedAt is not a string but an array"),
        ({"ChangedAt": {"seconds": 1}}, "ChangedAt is not a string but an object"),
    ],
)
def test_a_field_of_another_type_is_told_by_its_type(fields: dict[str, object], said: str) -> None:
    """Numbers for ids come from most languages' default."""
    assert _of(**fields) == said


@pytest.mark.parametrize(
    ("number", "unit"),
    [
        (1623098415, "seconds"),
        (1623098415.598765, "seconds"),
        (1623098415598, "milliseconds"),
        (1623098415598765, "microseconds"),
        (1623098415598765212, "nanoseconds"),
    ],
)
def test_a_count_since_1970_is_told_by_its_unit(number: float, unit: str) -> None:
    """As a number and as a string."""
    assert _of(ChangedAt=number) == (
        f"ChangedAt is not a string but a number, by its size {unit} since 1970; "
        "write it as in 2021-06-07T20:40:15.5Z"
    )
    said = f"it is a number, by its size {unit} since 1970"
    assert _of(ChangedAt=str(number)) == AT + said


@pytest.mark.parametrize(
    ("status", "said"),
    [
        ("critical", "capitals count, as in CRITICAL"),
        ("Cleared", "capitals count, as in CLEARED"),
        ("WARNING ", "white space is around it"),
        ("Clear", "CLEAR may mean CLEARED"),
        ("warn", "WARN may mean WARNING"),
        ("FATAL", "FATAL may mean CRITICAL"),
    ],
)
def test_a_status_in_other_words_is_told_by_ours(status: str, said: str) -> None:
    """What is allowed stands before it in any case."""
    assert _of(Status=status) == STATUS + said


@pytest.mark.parametrize("status", ["", "RED", "x" * 1000])
def test_a_status_that_means_nothing_is_told_what_is_allowed(status: str) -> None:
    """And its value, which may be anything, stays in the body."""
    assert _of(Status=status) == STATUS.removesuffix(": ")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "it is empty"),
        ("2021-06-07 20:40:15Z", "a space stands for its T"),
        ("2021-06-07_20:40:15Z", "an underscore stands for its T"),
        ("2021-06-07T20:40:15", "it has no offset, such as Z or +02:00"),
        ("2021-06-07T20:40:15+0200", "its offset has no colon, as in +02:00"),
        ("2021-06-07T20:40:15+02", "its offset has no minutes, as in +02:00"),
        ("2021-06-07T20:40:15 +02:00", "a space stands before its offset"),
        ("2021-06-07T20:40:15UTC", "a zone's name is no offset, such as Z or +02:00"),
        ("2021-06-07T20:40:15[Europe/Berlin]", "a zone's name is no offset, such as Z or +02:00"),
        ("2021-06-07T24:00:00Z", "hour 24 is hour 00 of the next day"),
        ("2021-06-07T20:40Z", "it has no seconds"),
        ("2021-06-07T20:40:15,5Z", "a comma stands for the dot of its fraction"),
        ("2021-06-07T20:40:15.Z", "its fraction has no digits"),
        ("2021-06-07T20:40:15.1234567890Z", "its fraction has more than 9 digits"),
        ("2021-06-07", "it has no time of day"),
        ("2021-06-07T20:40:15Z\n", "white space is around it"),
        (
            "2021-06-07 20:40:15,123",
            (
                "a space stands for its T, a comma stands for the dot of its fraction, "
                "it has no offset, such as Z or +02:00"
            ),
        ),
    ],
)
def test_a_time_in_another_form_is_told_by_what_is_otherwise(text: str, said: str) -> None:
    """What loggers, databases and languages write by default; several slips are all told."""
    assert _of(ChangedAt=text) == AT + said


@pytest.mark.parametrize("text", ["yesterday", "2021-06-07T20:40:15+24:00", "1" * 5000, "7.6.2021"])
def test_a_time_that_nothing_is_known_of_is_told_what_is_allowed(text: str) -> None:
    """Nothing wrong is said of it."""
    assert _of(ChangedAt=text) == AT.removesuffix(": ")


def test_a_second_60_is_told_where_one_may_be() -> None:
    """At a month's end in UTC, nowhere else."""
    said = "a second 60 there is only at a month's end, at 23:59:60Z"
    reason = _of(ChangedAt="2021-06-07T20:40:60Z")
    assert reason == f"ChangedAt is not an RFC 3339 time: {said}"


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=20,
    ),
    st.sampled_from([*EVENT, "data"]),
)
def test_whatever_comes_has_a_reason_of_one_line(value: object, name: str) -> None:
    """No value makes naming what is wrong fail, nor long."""
    for body in ({"data": value}, value, {**EVENT, name: value}):
        try:
            decode_alarm_status_changed(json.dumps(body).encode(), 64 * 1024)
        except MessageRejectedError as error:
            reason = str(error)
            assert len(reason.splitlines()) == 1
            assert len(reason) <= 256


@pytest.mark.parametrize(
    "body",
    [
        json.dumps({f"k{at}": {f"i{i}": "x" for i in range(5)} for at in range(1000)}),
        json.dumps({f"k{at}": "{" + "x" * 50 for at in range(800)}),
        '{"UserID": "' + "\u00fc" * 30_000,
        json.dumps({**EVENT, "ChangedAt": " " * 60_000}),
        json.dumps({**EVENT, "Status": " " * 60_000}),
        "{" + " " * 60_000 + "'",
        "w" * 60_000,
    ],
)
def test_naming_what_is_wrong_takes_no_long_time(body: str) -> None:
    """However large and hostile a body is; a millisecond is what it may take on a slow machine."""
    taken_s: list[float] = []
    for _ in range(20):
        began = time.process_time()
        _reason(body.encode())
        taken_s.append(time.process_time() - began)
    assert min(taken_s) < 0.01  # the best of some: a busy machine makes single ones dearer
