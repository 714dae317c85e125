"""Why the next digest would, or would not, carry an alarm. Pure, like the rules it speaks for."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from actors.rules.digest import is_due
from bus.wire.instants import format_instant

if TYPE_CHECKING:
    from actors.rules.alarms import Alarm
    from actors.rules.digest import DigestItem


_UNKNOWN = (
    "Nothing is known of this alarm: no event of it arrived, or it was cleared and forgotten after "
    "CLEARED_RETENTION."
)


class Reason(StrEnum):
    """Why, in a word for machines."""

    UNKNOWN = "unknown"
    NEVER_TOLD = "never_told"
    CHANGED = "changed"
    CAME_BACK = "came_back"
    ALREADY_TOLD = "already_told"
    CLEARED = "cleared"


class Explanation(NamedTuple):
    """Whether the next digest would carry an alarm, and why."""

    due: bool
    reason: Reason
    sentence: str


def explain(
    alarm: Alarm | None, owed: DigestItem | None = None, now_s: float | None = None
) -> Explanation:
    """Explain an alarm as it stands; None is one of which nothing is known.

    ``owed`` is what the digest says of it that is made and not yet known to be published. An alarm
    from the future is told apart where it is known that it is ``now_s``, in seconds since 1970.
    """
    reason, sentence = _explain(alarm)
    if alarm is not None and now_s is not None:
        sentence += _on_clock(alarm, alarm.changed_at_ns / 1e9 - now_s)
    if owed is not None:
        sentence += (
            f" A digest that says {owed.severity.name} is owed: it is made, and not yet known to "
            "be published."
        )
    return Explanation(alarm is not None and is_due(alarm), reason, sentence)


def _explain(alarm: Alarm | None) -> tuple[Reason, str]:
    if alarm is None:
        return Reason.UNKNOWN, _UNKNOWN
    return _why_due(alarm) if is_due(alarm) else _why_not_due(alarm)


def _on_clock(alarm: Alarm, ahead_s: float) -> str:
    # Clocks that are kept differ by less.
    if ahead_s < 1:
        return ""
    return (
        f" It stands until {format_instant(alarm.changed_at_ns)}, when the clock of its agent will "
        f"be reached, which is {span(ahead_s)} ahead: no event with an earlier time changes it."
    )


def span(seconds: float) -> str:
    """Return how long that is, for people."""
    for unit_s, unit in ((365.25 * 86_400, "years"), (86_400, "days"), (3_600, "hours")):
        if seconds >= 2 * unit_s:
            return f"{seconds / unit_s:.1f} {unit}"
    return f"{seconds / 60:.0f} minutes" if seconds >= 120 else f"{seconds:.0f} seconds"


def _why_not_due(alarm: Alarm) -> tuple[Reason, str]:
    told = _told(alarm)
    if not alarm.active:
        return (
            Reason.CLEARED,
            f"It stands at CLEARED, and a digest carries active alarms only; {told}.",
        )
    return Reason.ALREADY_TOLD, f"It is no news: {told}, and no later event had another status."


def _why_due(alarm: Alarm) -> tuple[Reason, str]:
    told, stands_at = _told(alarm), alarm.severity.name
    if alarm.told_at_ns is None:
        return Reason.NEVER_TOLD, f"It is news: it stands at {stands_at}, and {told}."
    if alarm.severity is not alarm.told_severity:
        return Reason.CHANGED, f"It is news: it stands at {stands_at} now; {told}."
    return (
        Reason.CAME_BACK,
        f"It is news: {told}, had another status after that, and stands at {stands_at} again.",
    )


def _told(alarm: Alarm) -> str:
    if alarm.told_at_ns is None:
        return "it was never told"
    return f"it was told as {alarm.told_severity.name} of {format_instant(alarm.told_at_ns)}"
