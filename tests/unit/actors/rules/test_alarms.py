"""The rules of one alarm, case by case."""

from __future__ import annotations

import pytest

from actors.rules.alarms import Alarm, AlarmID, Retention, Severity, apply_event, forgettable

WARNING, CRITICAL, CLEARED = Severity.WARNING, Severity.CRITICAL, Severity.CLEARED
KEEP = Retention(800)
FOR_EVER = Retention(0)
HEARD_S = 10_000


def _after(*events: tuple[Severity, int], told: tuple[Severity, int] | None = None) -> Alarm:
    """Return the alarm after these events; ``told`` is told before the first of them."""
    alarm: Alarm | None = None
    if told is not None:
        alarm = Alarm(*told, *told, news=False, heard_at_s=HEARD_S)
    for severity, at_ns in events:
        alarm = apply_event(alarm, severity, at_ns, HEARD_S, KEEP)
    assert alarm is not None
    return alarm


@pytest.mark.parametrize("severity", [WARNING, CRITICAL])
def test_the_first_raised_event_is_news(severity: Severity) -> None:
    """Nothing was told before."""
    assert _after((severity, 5)) == Alarm(severity, 5, CLEARED, None, news=True, heard_at_s=HEARD_S)


def test_a_first_clear_is_no_news() -> None:
    """An alarm nobody was told of need not be called off."""
    assert _after((CLEARED, 5)) == Alarm(CLEARED, 5, CLEARED, None, news=False, heard_at_s=HEARD_S)


def test_a_newer_event_replaces_an_older_one() -> None:
    """The event with the greatest key is the current one."""
    alarm = _after((CRITICAL, 5), (WARNING, 6))
    assert (alarm.severity, alarm.changed_at_ns) == (WARNING, 6)


def test_one_nanosecond_decides() -> None:
    """Two changes one nanosecond apart are two changes."""
    alarm = _after((WARNING, 1_623_098_415_598_765_213), (CRITICAL, 1_623_098_415_598_765_212))
    assert (alarm.severity, alarm.changed_at_ns) == (WARNING, 1_623_098_415_598_765_213)


def test_a_stale_event_never_replaces_a_newer_one() -> None:
    """A late, older warning does not revive a cleared alarm."""
    alarm = _after((CLEARED, 6), (WARNING, 5))
    assert (alarm.severity, alarm.changed_at_ns, alarm.active) == (CLEARED, 6, False)


def test_late_clear_does_not_erase_a_newer_warning() -> None:
    """The other way round neither."""
    alarm = _after((WARNING, 6), (CLEARED, 5))
    assert (alarm.severity, alarm.active, alarm.news) == (WARNING, True, True)


@pytest.mark.parametrize("order", [(CLEARED, CRITICAL, WARNING), (CRITICAL, WARNING, CLEARED)])
def test_at_equal_times_the_more_severe_wins(order: tuple[Severity, ...]) -> None:
    """Repeating an alarm is better than losing one."""
    assert _after(*((severity, 5) for severity in order)).severity is CRITICAL


@pytest.mark.parametrize("severity", list(Severity))
def test_a_repeated_event_returns_the_same_object(severity: Severity) -> None:
    """By which the user actor sees that there is nothing to save."""
    alarm = _after((severity, 5))
    assert apply_event(alarm, severity, 5, HEARD_S, KEEP) is alarm


def test_a_newer_event_of_the_told_status_is_no_news() -> None:
    """It only moves the time."""
    alarm = _after((WARNING, 7), told=(WARNING, 5))
    assert (alarm.changed_at_ns, alarm.news) == (7, False)


def test_a_newer_event_of_another_status_is_news() -> None:
    """The user was told something else."""
    assert _after((CRITICAL, 6), told=(WARNING, 5)).news
    assert _after((WARNING, 6), told=(CRITICAL, 5)).news
    assert _after((CLEARED, 6), told=(WARNING, 5)).news


def test_an_event_before_what_was_told_is_no_news() -> None:
    """Whatever its status: the user knows better already."""
    alarm = _after((CRITICAL, 4), (CLEARED, 3), told=(WARNING, 5))
    assert alarm == Alarm(WARNING, 5, WARNING, 5, news=False, heard_at_s=HEARD_S)


def test_an_event_at_the_told_time_is_news_only_when_more_severe() -> None:
    """Keys decide, not times alone."""
    assert _after((CRITICAL, 5), told=(WARNING, 5)).news
    assert not _after((CLEARED, 5), told=(WARNING, 5)).news


@pytest.mark.parametrize("order", [((CLEARED, 6), (WARNING, 7)), ((WARNING, 7), (CLEARED, 6))])
def test_cleared_in_between_is_news_even_when_the_clear_arrives_last(
    order: tuple[tuple[Severity, int], ...],
) -> None:
    """WARNING (told), CLEARED, WARNING: the alarm was raised a second time."""
    alarm = _after(*order, told=(WARNING, 5))
    assert alarm == Alarm(WARNING, 7, WARNING, 5, news=True, heard_at_s=HEARD_S)


def test_news_stays_news() -> None:
    """An event that is none itself does not take it away."""
    assert _after((CRITICAL, 6), (WARNING, 7), told=(WARNING, 5)).news


@pytest.mark.parametrize(("later_s", "noted"), [(99, False), (100, True)])
def test_a_repeat_for_a_cleared_alarm_renews_when_it_was_heard_of(
    later_s: int, *, noted: bool
) -> None:
    """No more exactly than forgetting needs, so that repeats do not cost a write each."""
    alarm = _after((CLEARED, 5))
    renewed = apply_event(alarm, CLEARED, 5, HEARD_S + later_s, KEEP)
    assert renewed.heard_at_s == HEARD_S + (later_s if noted else 0)
    assert renewed._replace(heard_at_s=HEARD_S) == alarm
    assert (renewed is alarm) is not noted


def test_a_repeat_for_an_active_alarm_renews_nothing() -> None:
    """Only cleared alarms are forgotten."""
    alarm = _after((WARNING, 5))
    assert apply_event(alarm, WARNING, 5, HEARD_S + 10_000, KEEP) is alarm


def test_without_forgetting_nothing_is_renewed() -> None:
    """When it was heard of does not matter then."""
    alarm = _after((CLEARED, 5))
    assert apply_event(alarm, CLEARED, 5, HEARD_S + 10_000, FOR_EVER) is alarm


def test_a_clear_notes_when_it_arrived() -> None:
    """From then on the retention counts."""
    alarm = apply_event(_after((WARNING, 5)), CLEARED, 6, HEARD_S + 1, KEEP)
    assert alarm.heard_at_s == HEARD_S + 1


@pytest.mark.parametrize(("quiet_s", "forgotten"), [(799, False), (899, False), (900, True)])
def test_a_cleared_alarm_may_be_forgotten_after_the_retention(
    quiet_s: int, *, forgotten: bool
) -> None:
    """Later by the resolution, as the time of arrival is only so exact."""
    alarms = {AlarmID("a"): _after((CLEARED, 5))}
    assert forgettable(alarms, HEARD_S + quiet_s, KEEP) == ([AlarmID("a")] if forgotten else [])


def test_an_active_alarm_is_never_forgotten() -> None:
    """However long nothing has been heard of it."""
    alarms = {AlarmID("w"): _after((WARNING, 5)), AlarmID("c"): _after((CLEARED, 5))}
    assert forgettable(alarms, 2**40, KEEP) == [AlarmID("c")]


def test_with_a_retention_of_zero_nothing_is_forgotten() -> None:
    """0 means never."""
    assert forgettable({AlarmID("a"): _after((CLEARED, 5))}, 2**40, FOR_EVER) == []


@pytest.mark.parametrize(
    ("keep_s", "resolution_s"), [(604_800, 75_600), (15, 1), (8, 1), (1, 1), (0, 1)]
)
def test_the_resolution_is_an_eighth_and_at_least_a_second(keep_s: int, resolution_s: int) -> None:
    """Arrivals are known in whole seconds."""
    assert Retention(keep_s).resolution_s == resolution_s
