"""What a terminal would obey is shown, and JSON keeps its meaning."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.safe_text import ESCAPED, is_utf_8, safe_json, safe_text

HOSTILE = "\x1b[31m\r\n\x9b2J\x7f\u202egnp\u2066 [red]x[/red] :fire: 🔥"
TAME = "\\x1b[31m\\x0d\\x0a\\x9b2J\\x7f\\u202egnp\\u2066 [red]x[/red] :fire: 🔥"


def test_control_characters_are_shown_and_not_obeyed() -> None:
    """Colours, carriage returns, C1 controls, and marks that turn the order of text around."""
    assert safe_text(HOSTILE) == TAME


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_json_stays_equal_in_meaning(text: str) -> None:
    """Whatever is in its strings."""
    document = json.dumps({text: text}, ensure_ascii=False)
    safe = safe_json(document)
    assert json.loads(safe) == {text: text}
    assert safe == safe_text(safe)


@given(st.text())
def test_what_an_encoding_lacks_is_escaped_as_in_json(text: str) -> None:
    """Of any length in UTF-16, and halves of characters too: json.dumps does the same."""
    document = json.dumps(text, ensure_ascii=False)
    assert document.encode("ascii", ESCAPED).isascii()
    assert json.loads(document.encode("ascii", ESCAPED)) == json.loads(json.dumps(text))


def test_what_cannot_be_decoded_is_not_escaped() -> None:
    """It is for outputs only."""
    with pytest.raises(UnicodeDecodeError):
        b"\xff".decode("ascii", ESCAPED)


@pytest.mark.parametrize(
    ("given", "whether"), [(b"abc", True), ("Zoë 🔥".encode(), True), (b"a\xff", False)]
)
def test_what_was_given_is_utf_8_or_not(given: bytes, whether: bool) -> None:
    """As Python hands arguments and variables over."""
    assert is_utf_8(given.decode(errors="surrogateescape")) is whether
