"""Bodies as Hypothesis strategies: right ones, nearly right ones, and hostile ones.

Most are made of an object's parts, so that they get past the first check and each later one is
reached; then some of them are damaged.
"""

from __future__ import annotations

import json
import struct

from hypothesis import strategies as st

from tests.fuzz.reference import MAX_DEPTH
from tests.fuzz.values import ANY, GOOD, KEYS

MAX_BYTES = 6000
"""The limit that bodies are read with: above what the deepest nesting takes, and soon reached."""

_NUMBERS = st.one_of(
    st.sampled_from(
        [
            "1e999",
            "-1e999",
            "1E+400",
            "1e-9999",
            "9" * 400,
            "-" + "9" * 20,
            "9" * 5000,
            "-0",
            "-0.0",
        ]
    ),
    st.sampled_from(["1" + "0" * 400 + ".5", "123456789012345678901234567890", "0.1", "1.5e3"]),
    st.integers().map(str),
)
_NO_NUMBERS = st.sampled_from(
    [
        "NaN",
        "Infinity",
        "-Infinity",
        "01",
        "1.",
        ".5",
        "+1",
        "0x1",
        "1e5e5",
        "--1",
        "1e",
        "-",
        "1-1",
    ]
)


def _nested(depth: int, opening: str) -> str:
    if opening == "[":
        return "[" * depth + "]" * depth
    return '{"":' * (depth - 1) + "{}" + "}" * (depth - 1)


_NESTED = st.one_of(
    st.builds(
        _nested,
        st.one_of(st.integers(1, 12), st.integers(MAX_DEPTH - 4, MAX_DEPTH + 4)),
        st.sampled_from("[{"),
    ),
    st.sampled_from(["[" * 2000, "[" * 2500 + "]" * 2500, '{"":' * 900, "[{" * 600 + "}]" * 600]),
)

_JSON_TEXTS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=4,
).map(json.dumps)


def _in_ascii(text: str) -> str:
    return json.dumps(text)


def _plain(text: str) -> str:
    # What UTF-8 cannot write can only come escaped.
    plain = json.dumps(text, ensure_ascii=False)
    return json.dumps(text) if any("\ud800" <= char <= "\udfff" for char in text) else plain


def _escaped(text: str) -> str:
    return '"' + "".join(f"\\u{unit:04x}" for unit in _utf_16(text)) + '"'


def _utf_16(text: str) -> tuple[int, ...]:
    encoded = text.encode("utf-16-le", "surrogatepass")
    return struct.unpack(f"<{len(encoded) // 2}H", encoded)


_WRITERS = st.sampled_from([_plain, _plain, _plain, _in_ascii, _escaped])


_SPACE = st.sampled_from(["", "", "", "", " ", "\t\r\n "])


@st.composite
def _pair(draw: st.DrawFn, name: str, *, good: bool) -> str:
    """A field; a good one has its own key, and a value that it may have."""
    if good:
        key, value = name, draw(GOOD[name])
    else:
        key, value = draw(KEYS[name]), draw(GOOD[name] | ANY[name])
    write = draw(_WRITERS)
    return f"{write(key)}:{write(value)}"


_MISTYPED = st.builds(
    lambda name, value: f'"{name}":{value}', st.sampled_from(list(GOOD)), _JSON_TEXTS | _NUMBERS
)
_NESTED_FIELDS = st.lists(
    st.sampled_from(['"UserID":"x"', '"userid":"y"', '"ALARMID":"z"', '"Status":"FATAL"']),
    max_size=3,
).map(lambda pairs: f"{{{','.join(pairs)}}}")
_STRANGERS = st.builds(
    lambda key, value: f"{json.dumps(key)}:{value}",
    st.text(max_size=6) | st.sampled_from(["Host", "k" * 3000, "\ud800", "__proto__"]),
    st.one_of(
        _NUMBERS, _NUMBERS, _NESTED, _JSON_TEXTS, st.just('"\\ud83d"'), _NO_NUMBERS, _NESTED_FIELDS
    ),
)


@st.composite
def _objects(draw: st.DrawFn, names: tuple[str, ...]) -> bytes:
    """An object with the fields; perhaps one is spoilt or missing, or others are among them."""
    spoilt = draw(st.integers(0, 2 * len(names)))
    pairs = [draw(_pair(name, good=place != spoilt)) for place, name in enumerate(names)]
    more = draw(st.sampled_from([0, 0, 0, 0, 1, 1, 2]))
    pairs += [draw(_pair(draw(st.sampled_from(names)), good=False)) for _ in range(more)]
    way = draw(st.integers(0, 15))
    if way < 4:
        pairs.append(draw(_STRANGERS))
    elif way == 4:
        pairs.append(draw(_MISTYPED))
    elif way == 5:
        pairs.pop(0)
    if draw(st.booleans()):
        pairs = draw(st.permutations(pairs))
    space = draw(_SPACE)
    return f"{space}{{{space}{f'{space},{space}'.join(pairs)}{space}}}{space}".encode()


_DAMAGE = st.sampled_from(
    b"\xff \xc0\x80 \xed\xa0\x80 \xf4\x90\x80\x80 \xef\xbb\xbf \xe2\x80\xa8 \0 \n \x0b "
    b", } { ' \" \\ : // \\u 1e null [ ] ".split(b" ")
)


@st.composite
def _damaged(draw: st.DrawFn, body: bytes) -> bytes:
    """A body with bytes put in, taken out, or put before or behind it."""
    way = draw(st.integers(0, 4))
    damage = draw(_DAMAGE)
    if way == 0:
        return damage + body
    if way == 1:
        return body + damage
    place = draw(st.integers(0, len(body)))
    if way == 2:
        return body[:place]
    return body[:place] + damage + body[place + draw(st.integers(0, 2)) :]


@st.composite
def bodies(draw: st.DrawFn, names: tuple[str, ...]) -> bytes:
    """A body for the subject whose fields these are."""
    way = draw(st.integers(0, 19))
    if way == 0:
        return draw(st.binary(max_size=60))
    if way == 1:
        return draw(st.one_of(_JSON_TEXTS, _NESTED, _NUMBERS, _NO_NUMBERS)).encode()
    body = draw(_objects(names))
    if way == 2:
        return body.ljust(draw(st.integers(MAX_BYTES - 2, MAX_BYTES + 2)))
    if way == 3:
        return body.decode("utf-8", "replace").encode(draw(st.sampled_from(["utf-16", "utf-32"])))
    if way < 6:
        return draw(_damaged(body))
    return body
