"""The codec, reading: what is taken, what is rejected and why."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.messages.inputs import AlarmStatusChanged
from actors.rules.alarms import AlarmID, Severity, UserID
from bus.errors import MessageRejectedError
from bus.wire.codec import decode_alarm_status_changed, decode_send_alarm_digest

LIMIT = 64 * 1024
EVENT: dict[str, Any] = {
    "AlarmID": "a1",
    "UserID": "u1",
    "Status": "WARNING",
    "ChangedAt": "2021-06-07T20:40:15.598765212Z",
}
NAMES = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=64
)
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


def _rejection(body: bytes, limit: int = LIMIT) -> str:
    with pytest.raises(MessageRejectedError) as rejection:
        decode_alarm_status_changed(body, limit)
    reason = str(rejection.value)
    assert "\n" not in reason
    assert reason
    return reason


def _without(name: str) -> dict[str, Any]:
    return {key: value for key, value in EVENT.items() if key != name}


def test_the_event_of_the_contract_is_read() -> None:
    """The example, byte for byte, with each of its three statuses."""
    for severity in Severity:
        body = (
            b'{"AlarmID": "a1", "UserID": "u1", "Status": "%s", '
            b'"ChangedAt": "2021-06-07T20:40:15.598765212Z"}' % severity.name.encode()
        )
        assert decode_alarm_status_changed(body, LIMIT) == AlarmStatusChanged(
            UserID("u1"), AlarmID("a1"), severity, 1_623_098_415_598_765_212
        )


def test_the_request_of_the_contract_is_read() -> None:
    """The example, byte for byte."""
    assert decode_send_alarm_digest(b'{"UserID": "u1"}', LIMIT) == "u1"


@given(user_id=NAMES, alarm_id=NAMES, ascii_only=st.booleans())
def test_names_come_back_unchanged(user_id: str, alarm_id: str, *, ascii_only: bool) -> None:
    """Whatever the characters, escaped in the JSON or not."""
    body = json.dumps(EVENT | {"UserID": user_id, "AlarmID": alarm_id}, ensure_ascii=ascii_only)
    event = decode_alarm_status_changed(body.encode(), LIMIT)
    assert (event.user_id, event.alarm_id) == (user_id, alarm_id)


@pytest.mark.parametrize(
    "name",
    ["a.b$c", "$set", "__proto__", "🚨", "%2E", ".a.", " ", "\t", "e\u0301", "\u202e", "1"],
)
def test_hostile_names_come_back_unchanged(name: str) -> None:
    """No trimming, no normalising, nothing that commands."""
    body = json.dumps(EVENT | {"UserID": name, "AlarmID": name}).encode()
    event = decode_alarm_status_changed(body, LIMIT)
    assert (event.user_id, event.alarm_id) == (name, name)


@pytest.mark.parametrize("name", ["UserID", "AlarmID"])
@pytest.mark.parametrize("char", ["x", "é", "漢", "🚨"])
def test_the_length_of_a_name_is_counted_in_utf_8(name: str, char: str) -> None:
    """256 bytes are taken, one more is not, whatever the characters."""
    longest = char * (256 // len(char.encode())) + "x" * (256 % len(char.encode()))
    body = json.dumps(EVENT | {name: longest}).encode()
    event = decode_alarm_status_changed(body, LIMIT)
    assert longest in (event.user_id, event.alarm_id)
    body = json.dumps(EVENT | {name: longest + "x"}).encode()
    assert _rejection(body) == f"{name} exceeds 256 bytes"


@pytest.mark.parametrize("name", EVENT)
@pytest.mark.parametrize("cased", [str.lower, str.upper, str.swapcase])
def test_keys_match_whatever_their_case(name: str, cased: Any) -> None:
    """Go producers send ``UserID`` and ``userId``."""
    body = json.dumps(_without(name) | {cased(name): EVENT[name]}).encode()
    expected = decode_alarm_status_changed(json.dumps(EVENT).encode(), LIMIT)
    assert decode_alarm_status_changed(body, LIMIT) == expected


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["UserID", "userId", "userid", "USERID", "UserIDs", "User_ID"]),
            st.sampled_from(["one", "two", "three"]),
        ),
        max_size=6,
    )
)
def test_an_exact_key_wins_else_the_last_of_those_that_match(pairs: list[tuple[str, str]]) -> None:
    """Among any keys, repeated and differently cased, as Go's decoder chooses."""
    body = "{" + ",".join(f'"{key}":"{value}"' for key, value in pairs) + "}"
    exact = [value for key, value in pairs if key == "UserID"]
    matching = [value for key, value in pairs if key.lower() == "userid"]
    candidates = exact or matching
    if not candidates:
        with pytest.raises(MessageRejectedError, match=r"^UserID is missing\b"):
            decode_send_alarm_digest(body.encode(), LIMIT)
    else:
        assert decode_send_alarm_digest(body.encode(), LIMIT) == candidates[-1]


def test_an_exact_key_of_the_wrong_type_is_not_replaced_by_another() -> None:
    """The exact key speaks, even when it speaks nonsense."""
    body = b'{"userId": "u1", "UserID": 5, "USERID": "u2"}'
    with pytest.raises(MessageRejectedError, match=r"^UserID is not a string\b"):
        decode_send_alarm_digest(body, LIMIT)


@pytest.mark.parametrize("stranger", ["[" * 1023 + "]" * 1023, "1e999", "-" + "9" * 5000])
def test_the_last_of_several_keys_is_found_beside_anything(stranger: str) -> None:
    """The deepest nesting that is read and numbers without end do not hide it."""
    for body, user in (
        (f'{{"userId":"a","x":{stranger}}}', "a"),
        (f'{{"userId":"a","USERID":"b","x":{stranger}}}', "b"),
        (f'{{"userId":"a","x":{stranger},"USERID":"b","userId":"c"}}', "c"),
    ):
        assert decode_send_alarm_digest(body.encode(), LIMIT) == user


def test_letters_that_fold_onto_a_name_match_and_no_others() -> None:
    """Go's decoder takes the long s for an s; a ligature is two letters, a dotted I none."""
    assert decode_send_alarm_digest('{"U\u017ferID":"u"}'.encode(), LIMIT) == "u"
    for key in ("User\u0130D", "User\u0131D", "U\u0455erID", "UserID\u0307"):
        body = f'{{"{key}":"u"}}'.encode()
        with pytest.raises(MessageRejectedError, match=r"^UserID is missing$"):
            decode_send_alarm_digest(body, LIMIT)


def test_unknown_keys_are_ignored() -> None:
    """Whatever they hold: other producers' fields, nesting, large numbers."""
    unknown = {"Host": "h", "": None, "Tags": [{"UserID": "x"}], "N": 10**400, "user": True}
    body = json.dumps(unknown | EVENT).encode()
    expected = decode_alarm_status_changed(json.dumps(EVENT).encode(), LIMIT)
    assert decode_alarm_status_changed(body, LIMIT) == expected


def test_a_missing_field_is_not_taken_from_the_message_before() -> None:
    """Each message stands alone."""
    assert decode_alarm_status_changed(json.dumps(EVENT).encode(), LIMIT).user_id == "u1"
    assert _rejection(json.dumps(_without("UserID")).encode()) == "UserID is missing"


@pytest.mark.parametrize("name", EVENT)
def test_a_missing_field_is_rejected_by_name(name: str) -> None:
    """Each of the four is needed."""
    assert _rejection(json.dumps(_without(name)).encode()) == f"{name} is missing"


@pytest.mark.parametrize("name", EVENT)
@pytest.mark.parametrize("value", [None, True, 5, 1.5, 10**400, ["u1"], {"UserID": "u1"}])
def test_a_mistyped_field_is_rejected_by_name(name: str, value: object) -> None:
    """Nothing is converted, alone or among differently cased keys."""
    said = f"{name} is not a string but "
    assert _rejection(json.dumps(EVENT | {name: value}).encode()).startswith(said)
    cased = _without(name) | {name.lower(): "x", name.upper(): value}
    assert _rejection(json.dumps(cased).encode()).startswith(said)


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("UserID", "", "UserID is empty"),
        ("AlarmID", "", "AlarmID is empty"),
        ("UserID", "a\0b", "UserID contains a NUL character"),
        ("AlarmID", "\0", "AlarmID contains a NUL character"),
        ("Status", "", "Status is not one of CLEARED, WARNING, CRITICAL"),
        ("Status", "INFO", "Status is not one of CLEARED, WARNING, CRITICAL"),
        ("ChangedAt", "2021-02-30T00:00:00Z", "ChangedAt names a day that does not exist"),
    ],
)
def test_an_invalid_field_is_rejected_by_name(name: str, value: str, reason: str) -> None:
    """The reason is one sentence that a person understands."""
    assert _rejection(json.dumps(EVENT | {name: value}).encode()) == reason


@pytest.mark.parametrize("text", ["", "now", "2021-06-07T20:40:15", "2300-01-01T00:00:00Z"])
def test_a_time_that_cannot_be_kept_is_rejected_by_name(text: str) -> None:
    """No offset, no time, or no room in 64 bits."""
    assert _rejection(json.dumps(EVENT | {"ChangedAt": text}).encode()).startswith("ChangedAt is ")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"{",
        b"UserID=u1",
        b"{'UserID': 'u1'}",
        b'{"UserID": "u1"} {}',
        b'{"UserID": "u1",}',
        b'{"UserID": NaN}',
        b'{"UserID": "u1", "N": 1e999e9}',
        b'{"UserID": "u1", "N": --1e999}',
        b'{"UserID": "\xff"}',
        b'{"UserID": "\xed\xa0\x80"}',
        b'{"UserID": "\\ud800"}',
        b'{"UserID": "\\udc00\\ud800"}',
        b'{"UserID": "a\nb"}',
        b'\xef\xbb\xbf{"UserID": "u1"}',
        '{"UserID": "u1"}'.encode("utf-16"),
        b'{"UserID": "u1", "deep": ' + b"[" * 20_000 + b"]" * 20_000 + b"}",
        b"[" * LIMIT,
    ],
)
def test_what_is_not_json_in_utf_8_is_rejected(body: bytes) -> None:
    """Broken syntax, broken encoding, surrogates without a partner, nesting without end."""
    for decode in (decode_alarm_status_changed, decode_send_alarm_digest):
        with pytest.raises(MessageRejectedError, match=r"^the body is not JSON: [^\n]+$"):
            decode(body, LIMIT)


@pytest.mark.parametrize("body", [b"null", b"true", b"5", b'"UserID"', b"[]", b'[{"UserID":"a"}]'])
def test_what_is_not_an_object_is_rejected(body: bytes) -> None:
    """JSON, and still no message."""
    for decode in (decode_alarm_status_changed, decode_send_alarm_digest):
        with pytest.raises(MessageRejectedError, match=r"^the body is not a JSON object: "):
            decode(body, LIMIT)


def test_a_body_over_the_limit_is_rejected_unread() -> None:
    """At the limit it is read, one byte over it is not, and the sentence names both sizes."""
    body = json.dumps(EVENT).encode()
    assert decode_alarm_status_changed(body, len(body)).user_id == "u1"
    over = f"the body of {len(body) + 1} bytes exceeds {len(body)} bytes"
    assert _rejection(body + b" ", len(body)) == over
    assert _rejection(b"\xff" * 9, 8) == "the body of 9 bytes exceeds 8 bytes"


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_rejected(body: bytes) -> None:
    """No body makes reading fail in another way."""
    assert _is_rejected_or_read(body)


@given(st.dictionaries(st.sampled_from([*EVENT, "userid", "USERID", "STATUS"]), JSON_VALUES))
def test_any_object_is_read_or_rejected(fields: dict[str, object]) -> None:
    """No field's value makes reading fail in another way."""
    assert _is_rejected_or_read(json.dumps(EVENT | fields).encode())


def _is_rejected_or_read(body: bytes) -> bool:
    try:
        event = decode_alarm_status_changed(body, LIMIT)
    except MessageRejectedError as error:
        return bool(str(error)) and "\n" not in str(error)
    return bool(event.user_id and event.alarm_id)
