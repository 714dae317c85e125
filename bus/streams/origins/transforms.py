"""Transforms: what NATS makes of subjects that it renames, worked out on patterns. Pure.

A pattern is a subject that may have wildcards. What cannot be told exactly is told too widely.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nats.js.api import SubjectTransform

_WILDCARD = re.compile(r"\$(\d{1,3})|\{\{\s*wildcard\(\s*(\d{1,3})\s*\)\s*\}\}", re.IGNORECASE)
_SEVERAL_TOKENS = re.compile(r"\{\{\s*(split|slice)", re.IGNORECASE)
_FUNCTION = "{{"


def meet(one: str, other: str) -> str | None:
    """Return what two patterns both match; None where nothing is matched by both."""
    first, second = one.split("."), other.split(".")
    met: list[str] = []
    while first and second:
        if first[0] == ">" or second[0] == ">":
            return ".".join([*met, *(second if first[0] == ">" else first)])
        ours, theirs = first.pop(0), second.pop(0)
        if "*" not in (ours, theirs) and ours != theirs:
            return None
        met.append(theirs if ours == "*" else ours)
    return None if first or second else ".".join(met)


def renamed(source: str, destination: str, pattern: str) -> str:
    """Return under which subjects a transform stores what ``pattern``, met by its source, matches.

    An empty destination renames nothing: the source only says what is taken.
    """
    if not destination:
        return pattern
    elements, tokens = source.split("."), pattern.split(".")
    stars = [token for element, token in zip(elements, tokens, strict=False) if element == "*"]
    made: list[str] = []
    for element in destination.split("."):
        found = _WILDCARD.fullmatch(element)
        if element == ">":
            made += tokens[len(elements) - 1 :]
        elif _SEVERAL_TOKENS.match(element):
            return ".".join([*made, ">"])
        elif found is not None:
            number = int(found[1] or found[2])
            made.append(stars[number - 1] if 0 < number <= len(stars) else "*")
        else:
            made.append("*" if element.startswith(_FUNCTION) else element)
    return ".".join(made)


def stored_under(transform: SubjectTransform | None, pattern: str) -> Iterator[str]:
    """Yield under which subjects a stream stores what comes to it under ``pattern``.

    What its transform does not match is stored as it came.
    """
    source = ">" if transform is None else transform.src or ">"
    met = None if transform is None or not transform.dest else meet(source, pattern)
    if met is None or transform is None:
        yield pattern
        return
    yield renamed(source, transform.dest, met)
    if met != pattern:
        yield pattern
