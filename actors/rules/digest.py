"""What a digest contains, and what telling it changes. Pure, like ``alarms``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, NewType

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from actors.rules.alarms import Alarm, AlarmID, Severity, UserID

DigestID = NewType("DigestID", str)
RequestID = NewType("RequestID", str)

ANSWERED_REQUESTS_KEPT = 64
"""How many answered requests a user's cursor remembers, to recognise a redelivered one.

A request is acknowledged within moments of its answer, and one digest is owed at a time. But where
two processes hold the user, one may have to apply a request again that it answered while the other
went on answering: sixteen were too few for fifty at once.
"""

DIGEST_ALARMS_MAX = 10_000
"""Alarms of one digest at the most; what is due beyond follows in further digests.

A digest is kept in its user's checkpoint until it is published, and MongoDB takes no document over
16 MiB: with all of a hundred thousand alarms in both, the user could never be told.
"""


class DigestItem(NamedTuple):
    """One alarm as a digest tells it."""

    alarm_id: AlarmID
    severity: Severity
    changed_at_ns: int


@dataclass(frozen=True, slots=True)
class Digest:
    """A digest as it is kept in the outbox until it is published."""

    digest_id: DigestID
    """Fixed when the digest is made; a repeated publication carries the same one."""
    user_id: UserID
    items: tuple[DigestItem, ...]
    """Oldest first, ties by alarm id; may be empty."""
    traceparent: str | None = None
    """The trace context of the request that it answers."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far a user has been told."""

    number: int = 0
    """How many digests the user was given."""
    answered: tuple[RequestID, ...] = ()
    """The last requests that were answered, oldest first."""
    outbox: Digest | None = None
    """The digest that is owed: made, and not yet known to be published."""


NEVER_TOLD = Cursor()
"""The cursor of a user that was never asked for."""


def is_due(alarm: Alarm) -> bool:
    """Whether the next digest would carry the alarm."""
    return alarm.news and alarm.active


def digest_order(item: DigestItem) -> tuple[int, AlarmID]:
    """Return what a digest's alarms are sorted by: oldest first, ties by alarm id."""
    return item.changed_at_ns, item.alarm_id


def due_items(alarms: Mapping[AlarmID, Alarm]) -> tuple[DigestItem, ...]:
    """Return the alarms that are active and news, oldest first, ties by alarm id."""
    items = [
        DigestItem(alarm_id, alarm.severity, alarm.changed_at_ns)
        for alarm_id, alarm in alarms.items()
        if is_due(alarm)
    ]
    items.sort(key=digest_order)
    return tuple(items)


def mark_told(alarms: Mapping[AlarmID, Alarm], items: Iterable[DigestItem]) -> dict[AlarmID, Alarm]:
    """Return the told alarms as they stand after a digest that carries ``items``."""
    return {
        item.alarm_id: alarms[item.alarm_id]._replace(
            told_severity=item.severity, told_at_ns=item.changed_at_ns, news=False
        )
        for item in items
    }


def answer(cursor: Cursor, request_id: RequestID | None, digest: Digest | None) -> Cursor:
    """Return the cursor after a request was answered, with the digest owed if there is one.

    A request without an id cannot be redelivered (core NATS) and is not remembered.
    """
    answered = cursor.answered
    if request_id is not None:
        answered = (*answered, request_id)[-ANSWERED_REQUESTS_KEPT:]
    number = cursor.number if digest is None else cursor.number + 1
    return Cursor(number, answered, digest)


def settle(cursor: Cursor) -> Cursor:
    """Return the cursor once its owed digest is published."""
    return Cursor(cursor.number, cursor.answered, None)
