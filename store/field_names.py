"""Names that others chose, as names of fields: in a path, dots separate and dollars command."""

from __future__ import annotations

_ESCAPES = (("%", "%25"), (".", "%2E"), ("$", "%24"))


def escape_field_name(name: str) -> str:
    """Return the name without dots and dollars."""
    if "%" not in name and "." not in name and "$" not in name:
        return name
    for char, escape in _ESCAPES:
        name = name.replace(char, escape)
    return name


def unescape_field_name(name: str) -> str:
    """Return the name that ``escape_field_name`` was given."""
    if "%" not in name:
        return name
    for char, escape in reversed(_ESCAPES):
        name = name.replace(escape, char)
    return name
