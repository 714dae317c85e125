"""JSON to domain messages and back: the only place that knows the wire names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from actors.messages.inputs import AlarmStatusChanged
from actors.rules.alarms import AlarmID, Severity, UserID
from actors.runtime.tuples import new_tuple
from bus.errors import MessageRejectedError
from bus.wire import rejections
from bus.wire.instants import format_instant, parse_instant
from bus.wire.json_text import keys_in_order, with_small_numbers

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from actors.rules.digest import Digest, DigestItem

ID_MAX_BYTES = 256
_ID_SURELY_FITS = ID_MAX_BYTES // 4
"""Characters; each is four bytes at the most."""

_SEVERITIES = {severity.name: severity for severity in Severity}
_HUGE_NUMBER = "number is infinity"
"""What orjson says of a number that exceeds a double, where others see valid JSON."""


def decode_alarm_status_changed(body: bytes, max_bytes: int) -> AlarmStatusChanged:
    """Read an ``AlarmStatusChanged`` body.

    Raises ``MessageRejectedError`` with one sentence that names what is wrong.
    """
    fields = _decode_object(body, max_bytes)
    try:
        user_id, alarm_id = fields["UserID"], fields["AlarmID"]
        # What most producers send, in half the time; whatever it is not gets the full reading.
        if (
            type(user_id) is str
            and type(alarm_id) is str
            and 0 < len(user_id) <= _ID_SURELY_FITS
            and 0 < len(alarm_id) <= _ID_SURELY_FITS
            and "\0" not in user_id
            and "\0" not in alarm_id
        ):
            severity, at_ns = _SEVERITIES[fields["Status"]], parse_instant(fields["ChangedAt"])
            return new_tuple(AlarmStatusChanged, (user_id, alarm_id, severity, at_ns))
    except (KeyError, TypeError, ValueError):
        pass
    return AlarmStatusChanged(
        UserID(_identifier(fields, body, "UserID")),
        AlarmID(_identifier(fields, body, "AlarmID")),
        _severity(fields, body),
        _changed_at(fields, body),
    )


def decode_send_alarm_digest(body: bytes, max_bytes: int) -> UserID:
    """Read a ``SendAlarmDigest`` body; raises ``MessageRejectedError`` like the above."""
    return UserID(_identifier(_decode_object(body, max_bytes), body, "UserID"))


def _decode_object(body: bytes, max_bytes: int) -> dict[str, Any]:
    if len(body) > max_bytes:
        raise MessageRejectedError(rejections.body_too_large(len(body), max_bytes))
    try:
        fields = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        fields = _decode_huge_numbers(body, error)
    if not isinstance(fields, dict):
        raise MessageRejectedError(rejections.not_an_object(fields))
    return fields


def _decode_huge_numbers(body: bytes, error: orjson.JSONDecodeError) -> object:
    """Read what orjson refuses only because a number exceeds a double, which no field is."""
    if not error.msg.startswith(_HUGE_NUMBER):
        raise MessageRejectedError(rejections.not_json(error, body)) from None
    try:
        return orjson.loads(with_small_numbers(body))
    except orjson.JSONDecodeError:
        raise MessageRejectedError(rejections.not_json(error, body)) from error


def _text(fields: dict[str, object], body: bytes, name: str) -> str:
    value = fields[name] if name in fields else _differently_cased(fields, body, name)
    if not isinstance(value, str):
        raise MessageRejectedError(rejections.not_a_string(name, value))
    return value


def _differently_cased(fields: dict[str, object], body: bytes, name: str) -> object:
    """Return the field whose key differs from ``name`` in case only; the last of several."""
    keys = {key for key in fields if _same_but_case(key, name)}
    if not keys:
        raise MessageRejectedError(rejections.missing(name, fields))
    if len(keys) > 1:
        # A decoded object no longer tells which of them came last.
        keys = {[key for key in keys_in_order(body) if key in keys][-1]}
    return fields[keys.pop()]


def _same_but_case(key: str, name: str) -> bool:
    # Unicode's simple folding, as Go's encoding/json does it: "\u017f" is an s, "ß" no "ss".
    return len(key) == len(name) and key.casefold() == name.casefold()


def _identifier(fields: dict[str, object], body: bytes, name: str) -> str:
    value = _text(fields, body, name)
    if not value:
        raise MessageRejectedError(rejections.empty(name))
    if len(value) > _ID_SURELY_FITS and len(value.encode()) > ID_MAX_BYTES:
        raise MessageRejectedError(rejections.too_long(name, ID_MAX_BYTES))
    if "\0" in value:
        raise MessageRejectedError(rejections.has_nul(name))
    return value


def _severity(fields: dict[str, object], body: bytes) -> Severity:
    text = _text(fields, body, "Status")
    severity = _SEVERITIES.get(text)
    if severity is None:
        raise MessageRejectedError(rejections.unknown_status(text, _SEVERITIES))
    return severity


def _changed_at(fields: dict[str, object], body: bytes) -> int:
    text = _text(fields, body, "ChangedAt")
    try:
        return parse_instant(text)
    except ValueError as error:
        raise MessageRejectedError(rejections.not_an_instant(text, error)) from error


class DigestPart(NamedTuple):
    """One ``AlarmDigest`` message: the digest's items from ``first`` up to ``end``."""

    first: int
    end: int
    body: bytes


def encode_digest(
    digest: Digest, max_bytes: int, encoded: Sequence[bytes] | None = None
) -> list[DigestPart]:
    """Write a digest as ``AlarmDigest`` bodies of at most ``max_bytes``, oldest alarms first.

    One part nearly always, more when the digest is larger than that. An alarm that alone
    exceeds ``max_bytes`` gets a part of its own, which the broker will then refuse. ``encoded``
    are the digest's items, if somebody has them by ``encode_items`` already.
    """
    head = b'{"UserID":' + orjson.dumps(digest.user_id) + b',"ActiveAlarms":['
    tail = b"]}"
    room = max_bytes - len(head) - len(tail)
    if encoded is None:
        encoded = encode_items(digest.items)
    return [
        DigestPart(first, end, head + b",".join(encoded[first:end]) + tail)
        for first, end in _split(encoded, room)
    ]


def _split(encoded: Sequence[bytes], room: int) -> list[tuple[int, int]]:
    bounds: list[tuple[int, int]] = []
    first, size = 0, 0
    for index, item in enumerate(encoded):
        added = len(item) + (index > first)
        if index > first and size + added > room:
            bounds.append((first, index))
            first, size, added = index, 0, len(item)
        size += added
    bounds.append((first, len(encoded)))
    return bounds


def encode_items(items: Iterable[DigestItem]) -> list[bytes]:
    """Write alarms of a digest: 4 microseconds each."""
    return [
        orjson.dumps(
            {
                "AlarmID": item.alarm_id,
                "Status": item.severity.name,
                "LatestChangedAt": format_instant(item.changed_at_ns),
            }
        )
        for item in items
    ]
