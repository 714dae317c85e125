"""Trace contexts: W3C's ``traceparent``, from a message's headers and on to the digest's.

``00-<trace id>-<parent id>-<flags>``; see https://www.w3.org/TR/trace-context/.
"""

from __future__ import annotations

import re
from hashlib import blake2b

HEADER = "traceparent"

_LINE = re.compile(rb"\r\ntraceparent:[ \t]*([!-~]+)[ \t]*\r\n", re.IGNORECASE)
# A later version may have more behind the flags; version ff is none, nor are ids of zeros.
_FORM = re.compile(
    r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(?:-[!-~]*)?"
)


def context_in(headers: bytes) -> str | None:
    """Return the trace context in headers as they are on the wire; None without a sound one."""
    found = _LINE.search(headers)
    return None if found is None else sound(found[1].decode())


def sound(traceparent: str | None) -> str | None:
    """Return the context if it is one."""
    return traceparent if traceparent is not None and _FORM.fullmatch(traceparent) else None


def child_of(traceparent: str, name: str) -> str:
    """Return the context of a child: the same trace and flags, and an id made from ``name``.

    The same name gives the same id: a digest that is published again is the same span.
    """
    parts = _FORM.fullmatch(traceparent)
    assert parts is not None, traceparent
    return f"00-{parts[1]}-{_span_id(name)}-{parts[3]}"


def _span_id(name: str) -> str:
    # Zeros would be no id; one name in eighteen quintillions has them.
    return blake2b(name.encode(errors="surrogatepass"), digest_size=8).hexdigest()
