"""What transforms make of patterns."""

from __future__ import annotations

import pytest
from nats.js.api import SubjectTransform

from bus.streams.origins.transforms import meet, renamed, stored_under


@pytest.mark.parametrize(
    ("one", "other", "both"),
    [
        ("a", "a", "a"),
        ("a", "b", None),
        ("a", "a.b", None),
        ("*", "a", "a"),
        ("*", "a.b", None),
        (">", "*", "*"),
        (">", "a.b", "a.b"),
        ("a.>", "a", None),
        ("a.>", "*.b.>", "a.b.>"),
        ("a.*.c", "*.b.>", "a.b.c"),
        ("*.b", "a.*", "a.b"),
    ],
)
def test_patterns_meet_in_what_both_match(one: str, other: str, both: str | None) -> None:
    """Whichever is named first."""
    assert meet(one, other) == both
    assert meet(other, one) == both


@pytest.mark.parametrize(
    ("source", "destination", "pattern", "made"),
    [
        ("a", "b", "a", "b"),
        ("a.>", "", "a.c", "a.c"),
        ("a.>", ">", "a.b.c", "b.c"),
        (">", "in.>", ">", "in.>"),
        ("*.x.*", "$2.{{wildcard(1)}}", "a.x.b", "b.a"),
        ("*.x.*", "$2.{{Wildcard(1)}}", "a.x.*", "*.a"),
        ("*", "p.{{partition(3,1)}}", "a", "p.*"),
        ("*", "p.{{split(1,-)}}.q", "a-b", "p.>"),
        ("a", "b.$1", "a", "b.*"),
    ],
)
def test_a_transform_is_applied_to_a_pattern(
    source: str, destination: str, pattern: str, made: str
) -> None:
    """What a function computes is a wildcard: told too widely, never wrongly."""
    assert renamed(source, destination, pattern) == made


@pytest.mark.parametrize(
    ("transform", "pattern", "stored"),
    [
        (None, "a", ["a"]),
        (("a.>", ""), "a.b", ["a.b"]),
        (("", "in.>"), "a", ["in.a"]),
        (("a.>", "b.>"), "c", ["c"]),
        (("a.>", "b.>"), "a.c", ["b.c"]),
        (("a.>", "b.>"), ">", ["b.>", ">"]),
    ],
)
def test_a_stream_stores_what_its_transform_does_not_match_as_it_came(
    transform: tuple[str, str] | None, pattern: str, stored: list[str]
) -> None:
    """A wildcard is renamed in part."""
    set_to = None if transform is None else SubjectTransform(src=transform[0], dest=transform[1])
    assert list(stored_under(set_to, pattern)) == stored
