"""Whose a message is: the partition that its bytes belong to, under every setting and version.

A message that two instances read differently is nobody's, and lost. So nothing but the subject and
the body has a say here, not ``MAX_BODY_BYTES`` for one: only what no setting can allow is bounded.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from zlib import crc32

from actors.rejections import RejectionKind
from actors.rules.partitions import PARTITIONS, partition_of
from bus.errors import MessageRejectedError
from bus.wire.codec import decode_alarm_status_changed, decode_send_alarm_digest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bus.subjects import Subjects

UNKNOWN = -1
"""In place of a partition: to be decoded."""
NOBODYS = 0
"""The partition of whatever is no event and no request by the contract (SPEC, section 5)."""

LARGEST_BODY_BYTES = 1024 * 1024
"""The largest ``MAX_BODY_BYTES`` that can be set. What is larger is nobody's, and not looked into.

Decoding may take thirty times a body's size, and of one of 30 MB seconds.
"""

_ID = rb"[ !#-\[\]-~]{1,256}+"
"""In ASCII, without what JSON escapes."""
_DAY = (
    rb"(?:19[7-9][0-9]|2[01][0-9][0-9])-"
    rb"(?:(?:0[1-9]|1[0-2])-(?:0[1-9]|1[0-9]|2[0-8])|(?:0[13-9]|1[0-2])-(?:29|30)|(?:0[13578]|1[02])-31)"
)
_TIME = rb"(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]{1,9}+)?"
_ALARM, _USER = rb'"AlarmID": ?"' + _ID + rb'"', rb'"UserID": ?"(' + _ID + rb')"'

_CHANGE = (
    rb', ?"Status": ?"(?:CLEARED|WARNING|CRITICAL)", ?"ChangedAt": ?"'
    + _DAY
    + rb"T"
    + _TIME
    + rb'Z"'
)


def _lines_of(form: bytes) -> re.Pattern[bytes]:
    """Match each line of a text: of the form, or whatever it is, and then without its groups."""
    return re.compile(rb"(?:\{" + form + rb"\}|[^\n]*+)\n")


_EVENTS = _lines_of(
    rb"(?:" + _USER + rb", ?" + _ALARM + rb"|" + _ALARM + rb", ?" + _USER + rb")" + _CHANGE
)
_REQUESTS = _lines_of(_USER + rb"()")


def plain_events(bodies: Sequence[bytes]) -> list[bytes]:
    """Return the UserIDs of those that are valid events in the form that most producers write.

    Empty for all others, which may be valid. In a tenth of the time of decoding: by far the most of
    what an instance reads are other instances' messages, and this is all it must know of them.
    """
    return _users(_EVENTS, bodies)


def plain_requests(bodies: Sequence[bytes]) -> list[bytes]:
    """Return the UserIDs of those that are valid requests in that form, like the above."""
    return _users(_REQUESTS, bodies)


def _users(form: re.Pattern[bytes], bodies: Sequence[bytes]) -> list[bytes]:
    # One search through all of them, a line each, is twice as quick as one match after the other.
    found = form.findall(b"\n".join((*bodies, b"")))
    if len(found) != len(bodies):
        return _users(form, [b"" if b"\n" in body else body for body in bodies])
    return [first or second for first, second in found]


def plain_partitions(subjects: Sequence[str], bodies: Sequence[bytes], ours: Subjects) -> list[int]:
    """Return the partitions of messages by the short way, ``UNKNOWN`` for what it cannot tell."""
    event = ours.alarm_status_changed
    if subjects.count(event) == len(subjects):
        users = plain_events(bodies)
    else:
        request = ours.send_alarm_digest
        events = [
            b"" if subject != event else body
            for subject, body in zip(subjects, bodies, strict=True)
        ]
        requests = [
            b"" if subject != request else body
            for subject, body in zip(subjects, bodies, strict=True)
        ]
        users = [
            a or b for a, b in zip(plain_events(events), plain_requests(requests), strict=True)
        ]
    return [crc32(user) % PARTITIONS if user else UNKNOWN for user in users]


def partition_of_bytes(subject: str, body: bytes, subjects: Subjects) -> int:
    """Return the partition of a message: of its user, if it is valid by the contract."""
    try:
        if subject == subjects.alarm_status_changed:
            return partition_of(decode_alarm_status_changed(body, LARGEST_BODY_BYTES).user_id)
        if subject == subjects.send_alarm_digest:
            return partition_of(decode_send_alarm_digest(body, LARGEST_BODY_BYTES))
    except MessageRejectedError:
        return NOBODYS
    except MemoryError:
        raise
    except Exception:
        # A fault of ours, which whoever is at home tells: see ``Faults``.
        return _partition_of_plain(subject, body, subjects)
    return NOBODYS


def partition_of_rejected(
    subject: str, body: bytes, subjects: Subjects, kind: RejectionKind
) -> int:
    """Return the same of a message that was rejected, without decoding it another time.

    What is rejected for its size alone may be valid by the contract, and somebody's; and what this
    version fails to decode another one decodes.
    """
    if kind is RejectionKind.BODY_TOO_LARGE:
        return partition_of_bytes(subject, body, subjects)
    if kind is RejectionKind.INTERNAL:
        return _partition_of_plain(subject, body, subjects)
    return NOBODYS


def _partition_of_plain(subject: str, body: bytes, subjects: Subjects) -> int:
    """Return the same without decoding: of what has a plain form, its user's."""
    [number] = plain_partitions([subject], [body], subjects)
    return NOBODYS if number == UNKNOWN else number
