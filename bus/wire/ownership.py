"""Whose a message is: the partition that its bytes belong to, under every setting and version.

A message that two instances read differently is nobody's, and lost. So nothing but the subject and
the body has a say here, not ``MAX_BODY_BYTES`` for one.
"""

from __future__ import annotations

from sys import maxsize
from typing import TYPE_CHECKING

from actors.rules.partitions import partition_of
from bus.errors import MessageRejectedError
from bus.wire.codec import decode_alarm_status_changed, decode_send_alarm_digest

if TYPE_CHECKING:
    from bus.subjects import Subjects

NOBODYS = 0
"""The partition of whatever is no event and no request by the contract (SPEC, section 5)."""


def partition_of_bytes(subject: str, body: bytes, subjects: Subjects) -> int:
    """Return the partition of a message: of its user, if it is valid by the contract."""
    try:
        if subject == subjects.alarm_status_changed:
            return partition_of(decode_alarm_status_changed(body, maxsize).user_id)
        if subject == subjects.send_alarm_digest:
            return partition_of(decode_send_alarm_digest(body, maxsize))
    except MessageRejectedError:
        pass
    return NOBODYS
