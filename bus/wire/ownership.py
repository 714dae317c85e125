"""Whose a message is: the partition that its bytes belong to, under every setting and version.

A message that two instances read differently is nobody's, and lost. So nothing but the subject and
the body has a say here, not ``MAX_BODY_BYTES`` for one: only what no setting can allow is bounded.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from actors.rejections import RejectionKind
from actors.rules.partitions import partition_of
from bus.errors import MessageRejectedError
from bus.wire.codec import decode_alarm_status_changed, decode_send_alarm_digest

if TYPE_CHECKING:
    from bus.subjects import Subjects

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
_ALARM, _USER = rb'"AlarmID": ?"' + _ID + rb'"', rb'"UserID": ?"(?P<user>' + _ID + rb')"'

plain_event = re.compile(
    rb"\{(" + _ALARM + rb", ?)?" + _USER + rb"(?(1)|, ?" + _ALARM + rb")"  # in either order
    rb', ?"Status": ?"(?:CLEARED|WARNING|CRITICAL)"'
    rb', ?"ChangedAt": ?"' + _DAY + rb"T" + _TIME + rb'Z"\}'
).fullmatch
"""Match a valid event in the form that most producers write; what it does not match may be valid.

The group ``user`` is the UserID. In a quarter of the time of decoding: by far the most of what an
instance reads are other instances' messages, and this is all it must know of them.
"""

plain_request = re.compile(rb"\{" + _USER + rb"\}").fullmatch
"""Match a valid request in the form that most producers write, like the above."""


def partition_of_bytes(subject: str, body: bytes, subjects: Subjects) -> int:
    """Return the partition of a message: of its user, if it is valid by the contract."""
    try:
        if subject == subjects.alarm_status_changed:
            return partition_of(decode_alarm_status_changed(body, LARGEST_BODY_BYTES).user_id)
        if subject == subjects.send_alarm_digest:
            return partition_of(decode_send_alarm_digest(body, LARGEST_BODY_BYTES))
    except MessageRejectedError:
        pass
    return NOBODYS


def partition_of_rejected(
    subject: str, body: bytes, subjects: Subjects, kind: RejectionKind
) -> int:
    """Return the same of a message that was rejected, without decoding it another time.

    What is rejected for its size alone may be valid by the contract, and somebody's.
    """
    if kind is RejectionKind.BODY_TOO_LARGE:
        return partition_of_bytes(subject, body, subjects)
    return NOBODYS
