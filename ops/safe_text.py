"""Text from outside, made harmless for a terminal: what it would obey appears as what it is.

Ids and bodies come from outside. A terminal obeys control characters, and shows text that holds
marks for its direction in another order than it has.
"""

from __future__ import annotations

import codecs

ESCAPED = "alarm-digest.escaped"
"""For ``errors`` of an encoding: what it lacks becomes an escape, which JSON has in strings too."""

_CONTROLS = (
    *range(0x20),
    *range(0x7F, 0xA0),
    0x061C,  # these, and those that follow, change the direction of text, or end a line
    0x200E,
    0x200F,
    *range(0x2028, 0x202F),
    *range(0x2066, 0x206A),
    *range(0xD800, 0xE000),  # halves of characters, which no output can encode
)

_ESCAPED = {code: f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" for code in _CONTROLS}
_ESCAPED_IN_JSON = {code: f"\\u{code:04x}" for code in _CONTROLS if code >= 0x20}


def safe_text(text: str) -> str:
    """Return ``text`` on one line, with escapes for what a terminal would obey."""
    return text.translate(_ESCAPED)


def safe_json(document: str) -> str:
    """Return the JSON document, equal in meaning, with escapes in its strings likewise."""
    return document.translate(_ESCAPED_IN_JSON)


def is_utf_8(text: str) -> bool:
    """Whether an argument or a variable was UTF-8; Python has halves of characters for the rest."""
    return text.isascii() or not any(0xD800 <= ord(one) < 0xE000 for one in text)


def _escape(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lacking = error.object[error.start : error.end].encode("utf-16-be", "surrogatepass")
    units = (lacking[at : at + 2].hex() for at in range(0, len(lacking), 2))
    return "".join(f"\\u{unit}" for unit in units), error.end


codecs.register_error(ESCAPED, _escape)
