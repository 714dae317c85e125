"""One user as a person is shown it: by commands, by the NATS endpoint, by whatever comes next.

A state, be it an actor's or a stored checkpoint, becomes a ``UserReport``; that becomes a
dictionary for JSON, and can be had back from one that another process has written.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Self

from actors.rules.digest import DigestItem, digest_order, is_due
from actors.rules.partitions import partition_of
from bus.wire.instants import format_instant
from ops.users.why import explain

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from actors.ports import Checkpoint
    from actors.rules.alarms import Alarm, AlarmID, UserID
    from actors.rules.digest import Cursor, Digest
    from actors.rules.positions import Place

_NS_PER_SECOND = 1_000_000_000


class Source(StrEnum):
    """Where what is shown was found."""

    LIVE = "live"
    """In the memory of a service."""
    STORED = "stored"
    """In the last checkpoint."""
    NOWHERE = "nowhere"
    """Nothing is known of such a user."""


@dataclass(frozen=True, slots=True)
class AlarmReport:
    """One alarm of a user, and whether the next digest would carry it."""

    alarm_id: str
    status: str | None
    """None when nothing is known of the alarm, and so the other values."""
    changed_at: str | None
    told_status: str | None
    told_at: str | None
    news: bool
    due: bool
    reason: str
    explanation: str
    heard_at: str | None
    """When something last arrived for it, kept no more exact than forgetting needs."""


@dataclass(frozen=True, slots=True)
class OwedDigest:
    """A digest that is made and not yet known to be published."""

    digest_id: str
    alarms: int


@dataclass(frozen=True, slots=True)
class UserReport:
    """A user: what was received, what was told, what is owed."""

    user_id: str
    source: Source
    instance: str | None
    """Which running service said so; None for a checkpoint read from MongoDB."""
    version: int
    """Saves so far."""
    unsaved: int | None
    """Messages that are held and not saved yet; None where only a live user would know."""
    digests: int
    """How many digests the user was given."""
    answered: str | None
    """Where the last request that was answered stands in its log: sequence and timestamp."""
    owed: OwedDigest | None
    known: int
    """Alarms that are remembered, ``active`` and ``due`` of them; not all need be listed."""
    active: int
    due: int
    alarms: tuple[AlarmReport, ...]
    """Those due first, oldest first; then the active ones, then the cleared."""
    note: str | None = None
    """What a reader should know of how this came about."""
    partition: int | None = None
    """Of the user; None from an instance that does not say."""
    home: str | None = None
    """The name of the instance at which the user is at home; None where that is not known."""

    def to_fields(self) -> dict[str, Any]:
        """Return what JSON can hold."""
        return dataclasses.asdict(self)

    @classmethod
    def from_fields(cls, fields: Mapping[str, Any]) -> Self:
        """Read what ``to_fields`` has written, perhaps in another version.

        What a later one adds is passed over, what an earlier one lacks has its default, if there
        is one. Raises ``KeyError``, ``TypeError`` or ``ValueError`` for anything else.
        """
        values = _known(cls, fields)
        owed = values["owed"]
        values["source"] = Source(values["source"])
        values["owed"] = None if owed is None else OwedDigest(**_known(OwedDigest, owed))
        values["alarms"] = tuple(
            AlarmReport(**_known(AlarmReport, alarm)) for alarm in values["alarms"]
        )
        return cls(**values)


@dataclass(frozen=True, slots=True)
class UserLine:
    """A user in a list of many, in numbers; the fields are those of ``UserReport``."""

    user_id: str
    source: Source
    digests: int
    owes: bool
    """Whether a digest is owed."""
    known: int
    active: int
    due: int
    instance: str | None = None
    unsaved: int | None = None

    def to_fields(self) -> dict[str, Any]:
        """Return what JSON can hold."""
        return dataclasses.asdict(self)

    @classmethod
    def from_fields(cls, fields: Mapping[str, Any]) -> Self:
        """Read what ``to_fields`` has written; see ``UserReport.from_fields``."""
        values = _known(cls, fields)
        values["source"] = Source(values["source"])
        return cls(**values)


@dataclass(frozen=True, slots=True)
class Provenance:
    """How a state was come by; see the fields of ``UserReport``."""

    source: Source
    instance: str | None = None
    unsaved: int | None = None
    note: str | None = None
    home: str | None = None


def report_on(
    user_id: UserID,
    checkpoint: Checkpoint,
    provenance: Provenance,
    limit: int | None = None,
    only: AlarmID | None = None,
    now_s: float | None = None,
) -> UserReport:
    """Report on a user whose state is that of ``checkpoint``.

    At most ``limit`` alarms are listed; with ``only`` that one is, also when it is unknown. What is
    said of alarms from the future needs to know that it is ``now_s``, in seconds since 1970.
    """
    alarms, cursor = checkpoint.alarms, checkpoint.cursor
    owed = _owed_items(cursor)
    listed = _in_order(alarms)[:limit] if only is None else [only]
    return UserReport(
        user_id=user_id,
        source=provenance.source,
        instance=provenance.instance,
        version=checkpoint.version,
        unsaved=provenance.unsaved,
        digests=cursor.number,
        answered=None if cursor.answered is None else _place(cursor.answered),
        owed=_owed(cursor.outbox),
        known=len(alarms),
        active=sum(alarm.active for alarm in alarms.values()),
        due=sum(is_due(alarm) for alarm in alarms.values()),
        alarms=tuple(
            report_on_alarm(alarm_id, alarms.get(alarm_id), owed.get(alarm_id), now_s)
            for alarm_id in listed
        ),
        note=provenance.note,
        partition=partition_of(user_id),
        home=provenance.home,
    )


def line_on(user_id: UserID, checkpoint: Checkpoint, provenance: Provenance) -> UserLine:
    """Return a user in numbers, whose state is that of ``checkpoint``."""
    alarms = checkpoint.alarms.values()
    return UserLine(
        user_id=user_id,
        source=provenance.source,
        instance=provenance.instance,
        unsaved=provenance.unsaved,
        digests=checkpoint.cursor.number,
        owes=bool(checkpoint.cursor.outbox),
        known=len(alarms),
        active=sum(alarm.active for alarm in alarms),
        due=sum(is_due(alarm) for alarm in alarms),
    )


def report_on_alarm(
    alarm_id: AlarmID, alarm: Alarm | None, owed: DigestItem | None, now_s: float | None = None
) -> AlarmReport:
    """Report on one alarm; None is one of which nothing is known."""
    explanation = explain(alarm, owed, now_s)
    told_at_ns = None if alarm is None else alarm.told_at_ns
    return AlarmReport(
        alarm_id=alarm_id,
        status=None if alarm is None else alarm.severity.name,
        changed_at=None if alarm is None else format_instant(alarm.changed_at_ns),
        told_status=None if alarm is None or told_at_ns is None else alarm.told_severity.name,
        told_at=None if told_at_ns is None else format_instant(told_at_ns),
        news=alarm is not None and alarm.news,
        due=explanation.due,
        reason=explanation.reason,
        explanation=explanation.sentence,
        heard_at=None if alarm is None else format_instant(alarm.heard_at_s * _NS_PER_SECOND),
    )


def _in_order(alarms: Mapping[AlarmID, Alarm]) -> list[AlarmID]:
    def place(alarm_id: AlarmID) -> tuple[bool, bool, tuple[int, AlarmID]]:
        alarm = alarms[alarm_id]
        told_as = DigestItem(alarm_id, alarm.severity, alarm.changed_at_ns)
        return not is_due(alarm), not alarm.active, digest_order(told_as)

    return sorted(alarms, key=place)


def _place(place: Place) -> str:
    return f"{place.sequence}.{place.timestamp_ns}"


def _owed(outbox: Sequence[Digest]) -> OwedDigest | None:
    """Return the first digest of an outbox, with what all of them tell."""
    if not outbox:
        return None
    return OwedDigest(outbox[0].digest_id, sum(len(digest.items) for digest in outbox))


def _owed_items(cursor: Cursor) -> dict[AlarmID, DigestItem]:
    return {item.alarm_id: item for digest in cursor.outbox for item in digest.items}


def _known(kind: type[Any], fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of ``kind``; raises ``KeyError`` for one that may not lack."""
    return {
        field.name: fields[field.name]
        for field in dataclasses.fields(kind)
        if field.name in fields or field.default is dataclasses.MISSING
    }
