"""Names that others chose as names of fields: no path, no command, and back exactly."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store.field_names import escape_field_name, unescape_field_name

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1)
TRICKY = st.text("%.$25E4e", min_size=1) | TEXTS


@given(TRICKY)
def test_any_given_name_survives_as_a_field_name(text: str) -> None:
    """Escaped it holds no dot and no dollar, and comes back exactly."""
    name = escape_field_name(text)
    assert not set(".$") & set(name)
    assert unescape_field_name(name) == text


@given(TRICKY, TRICKY)
def test_different_given_names_have_different_field_names(one: str, other: str) -> None:
    """No two share a field."""
    escaped = escape_field_name(one) == escape_field_name(other)
    assert escaped == (one == other)


@pytest.mark.parametrize(
    ("given_name", "name"),
    [
        ("a.b$c", "a%2Eb%24c"),
        ("$set", "%24set"),
        ("%2E", "%252E"),
        ("%252E", "%25252E"),
        ("..", "%2E%2E"),
        ("__proto__", "__proto__"),
        ("🚨 ", "🚨 "),
    ],
)
def test_field_names_are_escaped_as_stored_documents_have_it(given_name: str, name: str) -> None:
    """The form on disk must not change without a new schema."""
    assert escape_field_name(given_name) == name
    assert unescape_field_name(name) == given_name
