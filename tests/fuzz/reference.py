"""What the contract says of a body, read from the contract: the codec's independent judge.

Written for legibility, with the standard library's JSON and calendar; shares nothing with the
codec but the names of what comes out.
"""

from __future__ import annotations

import calendar
import datetime as dt
import json
import re
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple, NoReturn, TypeVar

from actors.messages.inputs import AlarmStatusChanged
from actors.rules.alarms import AlarmID, Severity, UserID

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

T = TypeVar("T")

MAX_DEPTH = 1024
"""Levels of nesting that are read: RFC 8259, section 9, leaves the number to the reader."""

EVENT_FIELDS = ("UserID", "AlarmID", "Status", "ChangedAt")
REQUEST_FIELDS = ("UserID",)

_DATE_TIME = re.compile(
    r"(?P<Y>\d{4})-(?P<m>\d\d)-(?P<d>\d\d)T(?P<H>\d\d):(?P<M>\d\d):(?P<S>\d\d)"
    r"(\.(?P<f>\d{1,9}))?(Z|(?P<sign>[+-])(?P<oh>\d\d):(?P<om>\d\d))",
    re.ASCII | re.IGNORECASE,
)


class Rejected(NamedTuple):
    """The body is to become a dead letter."""

    blamed: frozenset[str]
    """What a reason may begin with: the fields that are wrong, or the body as a whole."""


class _NotTakenError(Exception):
    """Raised when a value is not what its field demands."""


class _Pairs(list[tuple[str, object]]):
    """An object, its pairs in their order, repeated keys as well."""


_WHOLE = Rejected(frozenset({"the body"}))


def read_event(body: bytes, max_bytes: int) -> AlarmStatusChanged | Rejected:
    """Return what an ``AlarmStatusChanged`` body means."""
    fields = _read(body, max_bytes, EVENT_FIELDS)
    if isinstance(fields, Rejected):
        return fields
    user_id, alarm_id, status, changed_at = fields
    user = _taken(_identifier, user_id)
    alarm = _taken(_identifier, alarm_id)
    severity = _taken(_severity, status)
    at_ns = _taken(_nanoseconds, changed_at)
    if user is None or alarm is None or severity is None or at_ns is None:
        results = (user, alarm, severity, at_ns)
        wrong = {name for name, result in zip(EVENT_FIELDS, results, strict=True) if result is None}
        return Rejected(frozenset(wrong))
    return AlarmStatusChanged(UserID(user), AlarmID(alarm), severity, at_ns)


def read_request(body: bytes, max_bytes: int) -> UserID | Rejected:
    """Return whom a ``SendAlarmDigest`` body asks for."""
    fields = _read(body, max_bytes, REQUEST_FIELDS)
    if isinstance(fields, Rejected):
        return fields
    user = _taken(_identifier, fields[0])
    return Rejected(frozenset({"UserID"})) if user is None else UserID(user)


def _taken(reader: Callable[[object], T], value: object) -> T | None:
    try:
        return reader(value)
    except _NotTakenError:
        return None


def _read(body: bytes, max_bytes: int, names: tuple[str, ...]) -> list[object] | Rejected:
    """Return the fields' values, None for a missing one; or that the body is none of ours."""
    if len(body) > max_bytes:
        return _WHOLE
    try:
        text = body.decode("utf-8", "strict")
        if _depth(text) > MAX_DEPTH:
            return _WHOLE
        with _room_for_nesting():
            # A number's value is never needed, and JSON bounds none.
            value = json.loads(
                text,
                object_pairs_hook=_Pairs,
                parse_int=_number,
                parse_float=_number,
                parse_constant=_refuse,
            )
    except ValueError:
        return _WHOLE
    if _holds_lone_surrogate(value) or not isinstance(value, _Pairs):
        return _WHOLE
    return [_choose(value, name) for name in names]


@contextmanager
def _room_for_nesting() -> Iterator[None]:
    """Lift Python's limit, which for JSON is below the contract's on Python 3.11."""
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(limit + 3 * MAX_DEPTH)
    try:
        yield
    finally:
        sys.setrecursionlimit(limit)


def _number(_: str) -> float:
    return 0.0


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is Python's and not JSON")


def _depth(text: str) -> int:
    """Return how deeply a text nests; of one that is not JSON, a number that does no harm."""
    deepest = depth = 0
    in_string = escaped = False
    for char in text:
        if in_string:
            in_string = escaped or char != '"'
            escaped = char == "\\" and not escaped
        elif char == '"':
            in_string = True
        elif char in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif char in "]}":
            depth -= 1
    return deepest


def _holds_lone_surrogate(value: object) -> bool:
    """Whether a string, key or not, has half a character, which UTF-8 cannot write."""
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, str):
            if any("\ud800" <= char <= "\udfff" for char in one):
                return True
        elif isinstance(one, _Pairs):
            for key, inner in one:
                waiting += [key, inner]
        elif isinstance(one, list):
            waiting += one
    return False


def _choose(pairs: _Pairs, name: str) -> object:
    """Return the field's value: an exact key beats a differently cased one, then the last wins."""
    exact = [value for key, value in pairs if key == name]
    cased = [value for key, value in pairs if _folded(key) == _folded(name)]
    return (exact or cased or [None])[-1]


def _folded(key: str) -> str:
    """Fold as Go does: ASCII letters, and the two other letters that Unicode folds onto them."""
    plain = key.replace("\u017f", "s").replace("\u212a", "k")
    return "".join(chr(ord(char) | 0x20) if "A" <= char <= "Z" else char for char in plain)


def _identifier(value: object) -> str:
    if not isinstance(value, str) or not 1 <= len(value.encode()) <= 256 or "\0" in value:
        raise _NotTakenError
    return value


def _severity(value: object) -> Severity:
    severities = {"CLEARED": 0, "WARNING": 1, "CRITICAL": 2}
    if not isinstance(value, str) or value not in severities:
        raise _NotTakenError
    return Severity(severities[value])


def _nanoseconds(value: object) -> int:
    """Read RFC 3339; a leap second, at a month's end in UTC, is where the next one begins."""
    match = _DATE_TIME.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise _NotTakenError
    year, month, day, hour, minute, second = (int(match[part]) for part in "YmdHMS")
    leap = second == 60
    offset = dt.timedelta(hours=int(match["oh"] or 0), minutes=int(match["om"] or 0))
    try:
        dt.datetime(year, month, day, hour, minute, second - leap, tzinfo=dt.UTC)
        dt.time(int(match["oh"] or 0), int(match["om"] or 0))
    except ValueError as error:
        raise _NotTakenError from error
    seconds = calendar.timegm((year, month, day, hour, minute, second))
    seconds -= int(offset.total_seconds()) * (-1 if match["sign"] == "-" else 1)
    fraction = "" if leap else match["f"] or ""
    nanoseconds = seconds * 10**9 + int(fraction.ljust(9, "0"))
    if not -(2**63) <= nanoseconds < 2**63:
        raise _NotTakenError
    if leap and time.gmtime(seconds)[2:6] != (1, 0, 0, 0):
        raise _NotTakenError
    return nanoseconds
