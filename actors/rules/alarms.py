"""The alarm map and its rules: applying an event, forgetting a cleared alarm.

Everything here is pure: no clock, no I/O, no actor. The order of arrival never matters and
a repeated event changes nothing, so a replay after a crash is harmless.
"""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, NamedTuple, NewType

from actors.runtime.tuples import new_tuple

if TYPE_CHECKING:
    from collections.abc import Mapping

UserID = NewType("UserID", str)
AlarmID = NewType("AlarmID", str)


class Severity(IntEnum):
    """An alarm's status; the order decides between events of the same instant."""

    CLEARED = 0
    WARNING = 1
    CRITICAL = 2


class Alarm(NamedTuple):
    """What is remembered of one alarm: a summary of every event received for it.

    A tuple and not a dataclass because a million of them are in memory at a time.
    """

    severity: Severity
    """Status of the event with the greatest key ``(changed_at_ns, severity)``."""
    changed_at_ns: int
    """When that event happened, in nanoseconds since 1970-01-01T00:00Z."""
    told_severity: Severity
    """Status in the last digest that carried the alarm; CLEARED before any."""
    told_at_ns: int | None
    """``changed_at_ns`` in the last digest that carried the alarm; None before any."""
    news: bool
    """Some event is later than what was told, and of another status."""
    heard_at_s: int
    """When something last arrived for it, in seconds since 1970, kept as exact as forgetting
    needs (see ``Retention``)."""

    @property
    def active(self) -> bool:
        """Whether the alarm stands at WARNING or CRITICAL."""
        return self.severity is not Severity.CLEARED


class Retention(NamedTuple):
    """How long a cleared alarm is remembered after the last arrival for it."""

    keep_s: int
    """Seconds; 0 keeps cleared alarms for ever."""

    @property
    def resolution_s(self) -> int:
        """How inexact ``Alarm.heard_at_s`` may be.

        Repeats of a cleared alarm would otherwise cost one write each, only to note the time.
        """
        return max(1, self.keep_s // 8)


def apply_event(
    alarm: Alarm | None,
    severity: Severity,
    changed_at_ns: int,
    heard_at_s: int,
    retention: Retention,
) -> Alarm:
    """Return the alarm with one more event received; the same object when nothing changes.

    ``alarm`` is None when nothing was received before. ``heard_at_s`` is the time of arrival.
    """
    if alarm is None:
        news = severity is not Severity.CLEARED
        return Alarm(severity, changed_at_ns, Severity.CLEARED, None, news, heard_at_s)
    current, current_at_ns, told_severity, told_at_ns, news, known_heard_at_s = alarm
    if not news:
        news = severity is not told_severity and (
            told_at_ns is None or (changed_at_ns, severity) > (told_at_ns, told_severity)
        )
    if (changed_at_ns, severity) > (current_at_ns, current):
        fields = (severity, changed_at_ns, told_severity, told_at_ns, news, heard_at_s)
        return new_tuple(Alarm, fields)
    if news is not alarm.news:
        return Alarm(current, current_at_ns, told_severity, told_at_ns, news, heard_at_s)
    if (
        current is Severity.CLEARED
        and retention.keep_s
        and heard_at_s - known_heard_at_s >= retention.resolution_s
    ):
        return alarm._replace(heard_at_s=heard_at_s)
    return alarm


def forgettable(alarms: Mapping[AlarmID, Alarm], now_s: int, retention: Retention) -> list[AlarmID]:
    """Name the cleared alarms for which nothing has arrived during the retention.

    ``now_s`` is in seconds since 1970. Empty when the retention is 0.
    """
    if not retention.keep_s:
        return []
    heard_before_s = now_s - retention.keep_s - retention.resolution_s
    return [
        alarm_id
        for alarm_id, (severity, _, _, _, _, heard_at_s) in alarms.items()
        if severity is Severity.CLEARED and heard_at_s <= heard_before_s
    ]
