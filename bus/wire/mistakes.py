"""What a producer's developer did otherwise: the usual mistakes, each by its name.

Asked only about what is rejected anyway; nothing here decides what is. What is said holds no value
of the message, for it goes into headers and logs, and is the same for the same mistake, so that
dead letters can be counted by it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import orjson

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

_MAGICS = (
    (b"\x1f\x8b", "begins with the gzip magic; send it uncompressed"),
    (b"\x28\xb5\x2f\xfd", "begins with the zstd magic; send it uncompressed"),
    (b"\x04\x22\x4d\x18", "begins with the lz4 magic; send it uncompressed"),
    (b"\x78\x01", "begins as zlib's deflate does; send it uncompressed"),
    (b"\x78\x9c", "begins as zlib's deflate does; send it uncompressed"),
    (b"\x78\xda", "begins as zlib's deflate does; send it uncompressed"),
    (b"\xff\xfe\0\0", "UTF-32, by the byte order mark it begins with"),
    (b"\0\0\xfe\xff", "UTF-32, by the byte order mark it begins with"),
    (b"\xff\xfe", "UTF-16, by the byte order mark it begins with"),
    (b"\xfe\xff", "UTF-16, by the byte order mark it begins with"),
    (b"{\0\0\0", "UTF-32, by the NUL bytes it begins with"),
    (b"\0\0\0{", "UTF-32, by the NUL bytes it begins with"),
    (b"{\0", "UTF-16, by the NUL bytes it begins with"),
    (b"\0{", "UTF-16, by the NUL bytes it begins with"),
)
_OPENINGS = (
    (re.compile(r"\s*\Z"), "it is empty"),
    (re.compile(r"\ufeff"), "it begins with a byte order mark, which UTF-8 needs none of"),
    (re.compile(r"\s*<"), "it is XML or HTML, by how it begins"),
    (re.compile(r"eyJ"), "it is base64, by how it begins"),
    (re.compile(r"\s*\{\s*'"), "its quotes are single ones, JSON's are double"),
    (re.compile(r"\w+="), "it is a form, by how it begins"),
)
_NO_LITERALS = re.compile(r"NaN|-?Infinity|None|True|False|undefined")

_SEPARATORS = re.compile(r"[-_. ]")
_ALSO_CALLED = {
    "UserID": {"user", "uid", "username"},
    "AlarmID": {"alarm", "alarmname"},
    "Status": {"state", "severity", "level", "alarmstatus"},
    "ChangedAt": {"latestchangedat", "timestamp", "time", "date", "ts", "at", "changed"},
}
_KEY_MAX_CHARS = 32
_KEYS_MAX = 100
"""Of a hostile object, more are not looked at."""
_LEVELS = ("one level", "two levels", "three levels")
_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_.:-]{0,31}")

_TYPES = {
    type(None): "null",
    bool: "a boolean",
    int: "a number",
    float: "a number",
    list: "an array",
    dict: "an object",
}
_UNITS = ((1, "seconds"), (10**3, "milliseconds"), (10**6, "microseconds"), (10**9, "nanoseconds"))

_STATUS_MEANT = {
    **dict.fromkeys(("CLEAR", "OK", "NORMAL", "RESOLVED", "CLOSED", "INACTIVE"), "CLEARED"),
    **dict.fromkeys(("WARN", "MINOR"), "WARNING"),
    **dict.fromkeys(("CRIT", "MAJOR", "ERROR", "FATAL", "EMERGENCY"), "CRITICAL"),
}

_TIME_MAX_CHARS = 64
_LIKE_A_TIME = re.compile(
    r"(?P<before>\s*)[0-9]{4}-[0-9]{2}-[0-9]{2}"
    r"(?P<rest>(?P<between>[Tt_]|\s+)(?P<hour>[0-9]{2}):[0-9]{2}(?P<second>:[0-9]{2})?"
    r"(?:(?P<mark>[.,])(?P<fraction>[0-9]*))?"
    r"(?P<gap>\s*)(?P<offset>[Zz]|[+-][0-9]{2}(?::?[0-9]{2})?|\[?[A-Za-z/_]+\]?)?)?(?P<after>\s*)"
)


def in_text(body: bytes, error: orjson.JSONDecodeError) -> str | None:
    """Name what stands in place of JSON in UTF-8, whose parser raised ``error``."""
    for magic, said in _MAGICS:
        if body.startswith(magic):
            return f"not UTF-8: {said}"
    try:
        text = body.decode()
    except UnicodeDecodeError as undecodable:
        return _in_encoding(body, undecodable.start)
    for opening, said in _OPENINGS:
        if opening.match(text):
            return said
    stopped_at = text[error.pos : error.pos + 10]
    if literal := _NO_LITERALS.match(stopped_at):
        return f"{literal.group()} is none of its values"
    if error.msg.startswith("unexpected content") and stopped_at.startswith("{"):
        return "another object follows the first; send each in a message of its own"
    return None


def _in_encoding(body: bytes, at: int) -> str:
    where = f"byte 0x{body[at]:02x} at offset {at}"
    try:
        orjson.loads(body.decode("latin-1"))
    except orjson.JSONDecodeError:
        return f"not UTF-8: {where}"
    return f"not UTF-8: Latin-1 or Windows-1252, by {where}"


def in_shape(value: object) -> str:
    """Name what stands in place of an object."""
    if isinstance(value, str):
        inside = value.lstrip().startswith("{")
        return "it is a string that holds one, encoded twice" if inside else "it is a string"
    if isinstance(value, list):
        inside = any(isinstance(item, dict) for item in value[:1])
        return "it is an array; send each in a message of its own" if inside else "it is an array"
    return f"it is {_TYPES[type(value)]}"


def in_keys(fields: Mapping[str, object], name: str) -> str | None:
    """Name where the field that is missing may be: under another key, or further down."""
    if (key := _look_alike(fields, name)) is not None:
        return f": {key} is not read; {name} is"
    for level, path, inner in _levels(fields):
        if isinstance(inner, str):
            if inner.lstrip()[:1] == "{" and f'"{name}"' in inner:
                return f"; it is {level} down, in the text of {path}"
        elif any(_plain(key) == name.casefold() for key in _some(inner)):
            return f"; it is {level} down, in {path}"
    return None


def _look_alike(fields: Mapping[str, object], name: str) -> str | None:
    keys = {_plain(key): key for key in _some(fields) if len(key) <= _KEY_MAX_CHARS}
    for plain in (name.casefold(), *sorted(_ALSO_CALLED[name])):
        if plain in keys:
            return keys[plain]
    return None


def _plain(key: str) -> str:
    return _SEPARATORS.sub("", key).casefold()


def _some(fields: Mapping[str, object]) -> Iterable[str]:
    return (key for key, _ in zip(fields, range(_KEYS_MAX), strict=False))


def _levels(
    fields: Mapping[str, object],
) -> Iterator[tuple[str, str, Mapping[str, object] | str]]:
    """Yield what an object holds, the higher levels first: how far down, where, what."""
    upper: list[tuple[str, Mapping[str, object]]] = [("", fields)]
    looked_at = 0
    for level in _LEVELS:
        lower: list[tuple[str, Mapping[str, object]]] = []
        for path, within in upper:
            for key in _some(within):
                looked_at += 1
                inner = within[key]
                if looked_at > _KEYS_MAX or not isinstance(inner, dict | str):
                    continue
                at = f"{path}{key if _PLAIN_KEY.fullmatch(key) else '…'}"
                yield level, at, inner
                if isinstance(inner, dict):
                    lower.append((f"{at}.", inner))
        upper = lower


def in_type(name: str, value: object) -> str:
    """Name what stands in place of a string."""
    said = f" but {_TYPES[type(value)]}"
    if not isinstance(value, int | float) or isinstance(value, bool):
        return said
    if name == "ChangedAt":
        return f"{said}{_by_size(value)}; write it as in 2021-06-07T20:40:15.5Z"
    return f"{said}; write it in quotes" if name != "Status" else said


def _by_size(number: float) -> str:
    for unit, said in _UNITS:
        # From 1973 to 2286.
        if 10**8 * unit <= number < 10**10 * unit:
            return f", by its size {said} since 1970"
    return ""


def in_status(text: str, known: Collection[str]) -> str | None:
    """Name what makes a status none of the known ones."""
    if len(text) > _KEY_MAX_CHARS:
        return None
    if text.strip() != text and text.strip() in known:
        return "white space is around it"
    upper = text.strip().upper()
    if upper in known:
        return f"capitals count, as in {upper}"
    meant = _STATUS_MEANT.get(upper)
    return None if meant is None else f"{upper} may mean {meant}"


def in_time(text: str) -> str | None:
    """Name what makes a text no RFC 3339 time."""
    if not text:
        return "it is empty"
    if len(text) > _TIME_MAX_CHARS:
        return None
    if re.fullmatch(r"[0-9]{9,19}(?:\.[0-9]*)?", text):
        return f"it is a number{_by_size(float(text))}"
    found = _LIKE_A_TIME.fullmatch(text)
    return ", ".join(_in_parts(found)) or None if found is not None else None


def _in_parts(found: re.Match[str]) -> Iterator[str]:
    if found["before"] or found["after"]:
        yield "white space is around it"
    if found["rest"] is None:
        yield "it has no time of day"
        return
    if found["between"] not in "Tt":
        stands = "an underscore" if found["between"] == "_" else "a space"
        yield f"{stands} stands for its T"
    if found["hour"] == "24":
        yield "hour 24 is hour 00 of the next day"
    if found["second"] is None:
        yield "it has no seconds"
    if found["mark"] == ",":
        yield "a comma stands for the dot of its fraction"
    if found["mark"] and not found["fraction"]:
        yield "its fraction has no digits"
    elif found["fraction"] and len(found["fraction"]) > 9:
        yield "its fraction has more than 9 digits"
    if found["gap"] and found["offset"]:
        yield "a space stands before its offset"
    yield from _in_offset(found["offset"])


def _in_offset(offset: str | None) -> Iterator[str]:
    if not offset:
        yield "it has no offset, such as Z or +02:00"
    elif offset[0] not in "+-":
        if offset not in "Zz":
            yield "a zone's name is no offset, such as Z or +02:00"
    elif len(offset) == len("+02"):
        yield "its offset has no minutes, as in +02:00"
    elif ":" not in offset:
        yield "its offset has no colon, as in +02:00"
