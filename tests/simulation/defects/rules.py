"""Mistakes in the rules: which event counts, what is news, what a digest contains."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from actors.rules import alarms, digest
from actors.rules.alarms import Severity
from tests.simulation.defects.defect import Defect

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import pytest

    from actors.rules.alarms import Alarm, AlarmID, Retention
    from actors.rules.digest import DigestItem
    from actors.rules.positions import Place


def _the_event_that_came_last_wins(patch: pytest.MonkeyPatch) -> None:
    def apply_event(
        alarm: Alarm | None, severity: Severity, at_ns: int, now_s: int, retention: Retention
    ) -> Alarm:
        right = alarms.apply_event(alarm, severity, at_ns, now_s, retention)
        return right._replace(severity=severity, changed_at_ns=at_ns)

    patch.setattr("actors.user.applying.apply_event", apply_event)


def _at_equal_times_the_last_wins(patch: pytest.MonkeyPatch) -> None:
    def apply_event(
        alarm: Alarm | None, severity: Severity, at_ns: int, now_s: int, retention: Retention
    ) -> Alarm:
        right = alarms.apply_event(alarm, severity, at_ns, now_s, retention)
        tie = right.changed_at_ns == at_ns and right.severity is not severity
        return right._replace(severity=severity) if tie else right

    patch.setattr("actors.user.applying.apply_event", apply_event)


def _a_clear_takes_the_news_away(patch: pytest.MonkeyPatch) -> None:
    def apply_event(
        alarm: Alarm | None, severity: Severity, at_ns: int, now_s: int, retention: Retention
    ) -> Alarm:
        right = alarms.apply_event(alarm, severity, at_ns, now_s, retention)
        return right._replace(news=False) if severity is Severity.CLEARED else right

    patch.setattr("actors.user.applying.apply_event", apply_event)


def _every_newer_event_is_news(patch: pytest.MonkeyPatch) -> None:
    def apply_event(
        alarm: Alarm | None, severity: Severity, at_ns: int, now_s: int, retention: Retention
    ) -> Alarm:
        right = alarms.apply_event(alarm, severity, at_ns, now_s, retention)
        newer = alarm is not None and (right.changed_at_ns > alarm.changed_at_ns)
        return right._replace(news=True) if newer else right

    patch.setattr("actors.user.applying.apply_event", apply_event)


def _cleared_alarms_are_sent(patch: pytest.MonkeyPatch) -> None:
    def due_items(known: Mapping[AlarmID, Alarm]) -> tuple[DigestItem, ...]:
        items = [
            digest.DigestItem(alarm_id, alarm.severity, alarm.changed_at_ns)
            for alarm_id, alarm in known.items()
            if alarm.news
        ]
        return tuple(sorted(items, key=lambda item: (item.changed_at_ns, item.alarm_id)))

    patch.setattr("actors.user.outbox.due_items", due_items)


def _digests_are_in_order_of_arrival(patch: pytest.MonkeyPatch) -> None:
    def due_items(known: Mapping[AlarmID, Alarm]) -> tuple[DigestItem, ...]:
        due = {item.alarm_id: item for item in digest.due_items(known)}
        return tuple(due[alarm_id] for alarm_id in known if alarm_id in due)

    patch.setattr("actors.user.outbox.due_items", due_items)


def _the_first_digest_is_taken_for_the_last(patch: pytest.MonkeyPatch) -> None:
    def mark_told(
        known: Mapping[AlarmID, Alarm], items: Iterable[DigestItem]
    ) -> dict[AlarmID, Alarm]:
        told = digest.mark_told(known, items)
        return {
            alarm_id: alarm
            if (first := known[alarm_id]).told_at_ns is None
            else alarm._replace(told_severity=first.told_severity, told_at_ns=first.told_at_ns)
            for alarm_id, alarm in told.items()
        }

    patch.setattr("actors.user.outbox.mark_told", mark_told)


def _a_told_alarm_stays_news(patch: pytest.MonkeyPatch) -> None:
    def mark_told(
        known: Mapping[AlarmID, Alarm], items: Iterable[DigestItem]
    ) -> dict[AlarmID, Alarm]:
        told = digest.mark_told(known, items)
        return {alarm_id: alarm._replace(news=True) for alarm_id, alarm in told.items()}

    patch.setattr("actors.user.outbox.mark_told", mark_told)


def _what_exceeds_a_digest_is_marked_as_told(patch: pytest.MonkeyPatch) -> None:
    def mark_told(known: Mapping[AlarmID, Alarm], _: Iterable[DigestItem]) -> dict[AlarmID, Alarm]:
        return digest.mark_told(known, digest.due_items(known))

    patch.setattr("actors.user.outbox.mark_told", mark_told)


def _a_request_is_not_remembered(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("actors.user.outbox.is_answered", lambda *_: False)


def _answered_by_sequence_alone(patch: pytest.MonkeyPatch) -> None:
    def is_answered(cursor: digest.Cursor, place: Place | None, _: str | None) -> bool:
        last = cursor.answered
        return place is not None and last is not None and place.sequence <= last.sequence

    patch.setattr("actors.user.outbox.is_answered", is_answered)


def _active_alarms_are_forgotten(patch: pytest.MonkeyPatch) -> None:
    def forgettable(
        known: Mapping[AlarmID, Alarm], now_s: int, retention: Retention
    ) -> list[AlarmID]:
        cleared = {
            alarm_id: alarm._replace(severity=Severity.CLEARED) for alarm_id, alarm in known.items()
        }
        return alarms.forgettable(cleared, now_s, retention)

    patch.setattr("actors.user.state.forgettable", forgettable)


def _cleared_alarms_are_forgotten_at_once(patch: pytest.MonkeyPatch) -> None:
    def forgettable(known: Mapping[AlarmID, Alarm], *_: Any) -> list[AlarmID]:
        return [alarm_id for alarm_id, alarm in known.items() if not alarm.active]

    patch.setattr("actors.user.state.forgettable", forgettable)


DEFECTS = (
    Defect("the event that came last wins, however stale", 25, _the_event_that_came_last_wins),
    Defect("at equal times the last wins, not the most severe", 75, _at_equal_times_the_last_wins),
    Defect("a late clear takes the news away", 25, _a_clear_takes_the_news_away),
    Defect("every newer event is news", 75, _every_newer_event_is_news),
    Defect("cleared alarms are sent", 25, _cleared_alarms_are_sent),
    Defect("a digest is in order of arrival", 50, _digests_are_in_order_of_arrival),
    Defect("the first digest is taken for the last", 75, _the_first_digest_is_taken_for_the_last),
    Defect("a told alarm stays news", 10, _a_told_alarm_stays_news),
    Defect(
        "what exceeds a digest is marked as told", 100, _what_exceeds_a_digest_is_marked_as_told
    ),
    Defect("an answered request is not remembered", 50, _a_request_is_not_remembered),
    Defect("a request is answered by sequence alone", 150, _answered_by_sequence_alone),
    Defect("active alarms are forgotten", 25, _active_alarms_are_forgotten),
    Defect("cleared alarms are forgotten at once", 25, _cleared_alarms_are_forgotten_at_once),
)
