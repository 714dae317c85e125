"""What a digest contains, and what telling it changes. Pure, like ``alarms``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, NewType

from actors.rules.alarms import Alarm
from actors.runtime.tuples import new_tuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from actors.rules.alarms import AlarmID, Severity, UserID
    from actors.rules.positions import Place

DigestID = NewType("DigestID", str)

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
    answered: Place | None = None
    """Where the last request that was answered stands; None before any."""
    outbox: tuple[Digest, ...] = ()
    """The digests that are owed, in order: made, and not yet known to be published."""
    earlier: tuple[str, ...] = ()
    """Requests answered by a version that remembered ids (``<sequence>.<timestamp>``), until the
    last answered one is past them."""


NEVER_TOLD = Cursor()
"""The cursor of a user that was never asked for."""


def is_due(alarm: Alarm) -> bool:
    """Whether the next digest carries the alarm: active, and news. Here only is this said."""
    return alarm.news and alarm.active


def due_items(
    alarms: Mapping[AlarmID, Alarm], among: Iterable[AlarmID] | None = None
) -> tuple[DigestItem, ...]:
    """Return the alarms that are due, in the order of a digest; ``among`` these, or among all."""
    items = [
        DigestItem(alarm_id, alarm.severity, alarm.changed_at_ns)
        for alarm_id in (alarms if among is None else among)
        if is_due(alarm := alarms[alarm_id])
    ]
    items.sort(key=digest_order)
    return tuple(items)


def digest_order(item: DigestItem) -> tuple[int, AlarmID]:
    """Return what digests are ordered by: oldest first, ties by alarm id."""
    return item.changed_at_ns, item.alarm_id


def mark_told(alarms: Mapping[AlarmID, Alarm], items: Iterable[DigestItem]) -> dict[AlarmID, Alarm]:
    """Return the told alarms as they stand after a digest that carries ``items``."""
    told: dict[AlarmID, Alarm] = {}
    for alarm_id, severity, changed_at_ns in items:
        current, current_at_ns, _, _, _, heard_at_s = alarms[alarm_id]
        fields = (current, current_at_ns, severity, changed_at_ns, False, heard_at_s)
        told[alarm_id] = new_tuple(Alarm, fields)
    return told


def is_answered(cursor: Cursor, place: Place | None, earlier_id: str | None) -> bool:
    """Whether the request at ``place`` was answered already.

    It was when neither its sequence nor its timestamp is above the last answered one's: requests of
    a user are answered in the order of the log, and a broker that lost its tail hands out sequences
    again, at later times. ``earlier_id`` is what an earlier version knew it by, if that is another.
    """
    if place is None:
        return False
    last = cursor.answered
    if (
        last is not None
        and last.log == place.log
        and place.sequence <= last.sequence
        and place.timestamp_ns <= last.timestamp_ns
    ):
        return True
    return bool(cursor.earlier) and _earlier_id(place, earlier_id) in cursor.earlier


def _answered_up_to(last: Place | None, place: Place) -> Place:
    """Return up to where requests are answered, once that at ``place`` is as well.

    The time never falls. A request of a log that the broker has lost may come late, held by
    whoever stood still meanwhile: those that were answered since must not be answered again.
    """
    if last is None or place.timestamp_ns >= last.timestamp_ns:
        return place
    return place._replace(timestamp_ns=last.timestamp_ns)


def answer(
    cursor: Cursor, place: Place | None, earlier_id: str | None, digest: Digest | None
) -> Cursor:
    """Return the cursor after the request at ``place`` was answered, with one more digest owed.

    ``digest`` is None when there is nothing to tell and nobody wants to hear so. ``place`` is None
    for a digest that does not answer its request yet: another one follows.
    """
    answered, earlier = cursor.answered, cursor.earlier
    if place is not None:
        answered = _answered_up_to(answered, place)
        if earlier:
            passed = _sequence_of(_earlier_id(place, earlier_id))
            earlier = tuple(name for name in earlier if _sequence_of(name) > passed)
    if digest is None:
        return Cursor(cursor.number, answered, cursor.outbox, earlier)
    return Cursor(cursor.number + 1, answered, (*cursor.outbox, digest), earlier)


def settle(cursor: Cursor) -> Cursor:
    """Return the cursor once its owed digests are published."""
    return Cursor(cursor.number, cursor.answered, (), cursor.earlier)


def _earlier_id(place: Place, earlier_id: str | None) -> str:
    return f"{place.sequence}.{place.timestamp_ns}" if earlier_id is None else earlier_id


def _sequence_of(earlier_id: str) -> int:
    sequence = earlier_id.partition(".")[0]
    return int(sequence) if sequence.isdecimal() else 0
