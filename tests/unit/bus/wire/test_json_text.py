"""What a decoded object does not tell, read from the text."""

from __future__ import annotations

import json
from time import thread_time

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bus.wire.json_text import keys_in_order, with_small_numbers

KEYS = st.text(st.characters(exclude_categories=["Cs"]), max_size=5) | st.sampled_from('"\\:{}[],')
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | KEYS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=6,
)


@given(pairs=st.lists(st.tuples(KEYS, VALUES), max_size=5), ascii_only=st.booleans())
def test_keys_come_in_their_order_repeated_ones_as_well(
    pairs: list[tuple[str, object]], *, ascii_only: bool
) -> None:
    """Those of the outermost object only, whatever characters are in keys and values."""
    written = (
        f"{json.dumps(key, ensure_ascii=ascii_only)} : {json.dumps(value, ensure_ascii=ascii_only)}"
        for key, value in pairs
    )
    text = f"{{{','.join(written)}}}".encode()
    assert list(keys_in_order(text)) == [key for key, _ in pairs]


@given(VALUES)
def test_only_numbers_become_small(value: object) -> None:
    """Strings stay, even those that look like numbers, and so does the structure."""

    def small(inner: object) -> object:
        match inner:
            case bool() | None | str():
                return inner
            case list():
                return [small(one) for one in inner]
            case dict():
                return {key: small(one) for key, one in inner.items()}
            case _:
                return 0.0

    assert orjson.loads(with_small_numbers(json.dumps(value).encode())) == small(value)


@pytest.mark.parametrize("number", ["1e999", "-1e999", "9" * 5000, "1" + "0" * 400 + ".5E-3"])
def test_a_number_beyond_a_double_becomes_one_that_can_be_read(number: str) -> None:
    """JSON bounds no number."""
    with pytest.raises(orjson.JSONDecodeError):
        orjson.loads(number)
    assert orjson.loads(with_small_numbers(number.encode())) == 0


@given(st.text("0123456789-+.eE \"\\'x", max_size=12))
@settings(deadline=None, max_examples=2000)
def test_what_is_no_json_does_not_become_it(text: str) -> None:
    """``1e5e5``, ``--1``, ``01`` and their like stay what they are."""
    try:
        json.loads(text)
    except ValueError:
        with pytest.raises(orjson.JSONDecodeError):
            orjson.loads(with_small_numbers(text.encode()))


@pytest.mark.parametrize(
    "piece", [b'"', b'\\"', b'"\\', b"1,", b"-", b"1e", b"[", b'{"":', b"{:", b"\\", b'""']
)
def test_a_long_hostile_text_is_read_to_its_end(piece: bytes) -> None:
    """Where each character costs a look at all those behind it, this would take minutes."""
    text = b'{"' + piece * (250_000 // len(piece))
    began_s = thread_time()
    assert len(with_small_numbers(text)) >= 3
    assert sum(1 for _ in keys_in_order(text)) <= len(text)
    assert (
        thread_time() - began_s < 3
    )  # a tenth at the most; of this thread's time, not the clock's
