"""By what name the version before the log knew a message: ``<sequence>.<timestamp in ns>``.

A message that a migration moves gets another place, and bears its former one in a header. The
checkpoints of that version name the requests that it has answered so.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from actors.messages.inputs import SendDigest

if TYPE_CHECKING:
    from actors.messages.inputs import AlarmStatusChanged

HEADER = "Alarm-Digest-Earlier"

_FORM = rb"[1-9][0-9]{0,19}\.[0-9]{1,19}"
_LINE = re.compile(rb"\r\n" + HEADER.encode() + rb":[ \t]*(" + _FORM + rb")[ \t]*\r\n")


def earlier_id(sequence: int, timestamp_ns: int) -> str:
    """Return the name of the message that stood at this place."""
    return f"{sequence}.{timestamp_ns}"


def earlier_id_in(headers: bytes) -> str | None:
    """Return the name in headers as they are on the wire; None where there is none.

    A message that was never moved has none: its name is made from its place.
    """
    found = _LINE.search(headers) if headers else None
    return None if found is None else found[1].decode()


def earlier_sequence(name: str) -> int:
    """Return the sequence of a name that ``earlier_id_in`` has found."""
    return int(name.partition(".")[0])


def with_earlier_id(
    body: AlarmStatusChanged | SendDigest, headers: bytes
) -> AlarmStatusChanged | SendDigest:
    """Return the body with the name that a request had, if it was moved; events need none."""
    if isinstance(body, SendDigest) and (name := earlier_id_in(headers)) is not None:
        return body._replace(earlier_id=name)
    return body
