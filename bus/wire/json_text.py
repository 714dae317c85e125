"""What of a JSON text its decoded object does not tell, read from the text itself.

Neither function recurses, and each goes over the text once, whatever it holds.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import orjson

if TYPE_CHECKING:
    from collections.abc import Iterator

_STRING = rb'"(?:[^"\\]|\\.)*+"?'
"""A string, or the rest of the text where one is not closed: to look for another string inside it
would take a hostile text's length squared."""

_STRUCTURE = re.compile(_STRING + rb"|[\[\]{}:]", re.DOTALL)
_NUMBERS = re.compile(
    rb"(?P<string>"
    + _STRING
    + rb")|(?P<sign>-?)(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?(?:[eE][+-]?[0-9]++)?",
    re.DOTALL,
)


def keys_in_order(text: bytes) -> Iterator[str]:
    """Yield the keys of a valid text's outermost object as they come, repeated ones as well."""
    depth = 0
    last = b""
    for match in _STRUCTURE.finditer(text):
        token = match.group()
        if token == b":":
            if depth == 1:
                yield orjson.loads(last)
        elif token in b"[{":
            depth += 1
        elif token in b"]}":
            depth -= 1
        else:
            last = token


def with_small_numbers(text: bytes) -> bytes:
    """Return the text with every number replaced by one that fits a double.

    JSON bounds no number, orjson takes those only that do not exceed a double. The replacement
    has all parts of a number, so that what is not JSON does not become it: ``1e5e5`` becomes
    ``0e0e5``, ``--1`` becomes ``--0e0``.
    """
    return _NUMBERS.sub(_small, text)


def _small(match: re.Match[bytes]) -> bytes:
    string = match["string"]
    return match["sign"] + b"0e0" if string is None else string
