"""Explanations, held to the rules that they speak for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.rules.alarms import Alarm, AlarmID, Retention, Severity, apply_event
from actors.rules.digest import DigestItem, due_items, mark_told
from bus.wire.instants import format_instant
from ops.users.why import Reason, explain

ALARM = AlarmID("a")
DIGEST = "digest"
EVENTS = st.tuples(st.sampled_from(Severity), st.integers(-2, 3))


def after(*events: tuple[Severity, int] | str) -> Alarm:
    """Return an alarm after these events and digests."""
    alarm: Alarm | None = None
    for event in events:
        if isinstance(event, str):
            assert alarm is not None
            alarm = mark_told({ALARM: alarm}, due_items({ALARM: alarm})).get(ALARM, alarm)
        else:
            severity, changed_at_ns = event
            alarm = apply_event(alarm, severity, changed_at_ns, 0, Retention(0))
    assert alarm is not None
    return alarm


CLEARED, WARNING, CRITICAL = Severity

CASES = {
    "a first warning": ([(WARNING, 1)], Reason.NEVER_TOLD),
    "told": ([(WARNING, 1), DIGEST], Reason.ALREADY_TOLD),
    "told, and moved": ([(WARNING, 1), DIGEST, (WARNING, 5)], Reason.ALREADY_TOLD),
    "told, and worse": ([(WARNING, 1), DIGEST, (CRITICAL, 2)], Reason.CHANGED),
    "told, and better": ([(CRITICAL, 1), DIGEST, (WARNING, 2)], Reason.CHANGED),
    "told, cleared": ([(WARNING, 1), DIGEST, (CLEARED, 2)], Reason.CLEARED),
    "told, cleared, raised": (
        [(WARNING, 1), DIGEST, (CLEARED, 2), (WARNING, 3)],
        Reason.CAME_BACK,
    ),
    "told, raised, cleared late": (
        [(WARNING, 1), DIGEST, (WARNING, 3), (CLEARED, 2)],
        Reason.CAME_BACK,
    ),
    "cleared from the start": ([(CLEARED, 1)], Reason.CLEARED),
}


@pytest.mark.parametrize(("events", "reason"), CASES.values(), ids=CASES)
def test_each_way_an_alarm_can_stand_has_its_reason(
    events: list[tuple[Severity, int] | str], reason: Reason
) -> None:
    """The first that applies, in the order of the rules."""
    assert explain(after(*events)).reason is reason


@given(EVENTS, st.lists(EVENTS | st.just(DIGEST), max_size=12))
def test_an_explanation_never_contradicts_the_next_digest(
    first: tuple[Severity, int], more: list[tuple[Severity, int] | str]
) -> None:
    """Whatever happened: due means that the digest carries it, and each reason means one case."""
    alarm = after(first, *more)
    due, reason, sentence = explain(alarm)
    assert due == bool(due_items({ALARM: alarm}))
    assert due == (reason in (Reason.NEVER_TOLD, Reason.CHANGED, Reason.CAME_BACK))
    assert alarm.active == (reason is not Reason.CLEARED)
    if reason in (Reason.CAME_BACK, Reason.ALREADY_TOLD):
        assert alarm.severity is alarm.told_severity
    assert ("never told" in sentence) == (alarm.told_at_ns is None)


def test_the_sentence_says_what_was_told_and_when() -> None:
    """To the nanosecond, as digests do."""
    alarm = after((WARNING, 1_500_000_001), DIGEST, (CRITICAL, 2_000_000_000))
    assert explain(alarm).sentence == (
        "It is news: it stands at CRITICAL now; it was told as WARNING of "
        "1970-01-01T00:00:01.500000001Z."
    )


def test_an_alarm_of_which_nothing_is_known_is_not_due() -> None:
    """Never heard of, or forgotten: nobody can tell any more."""
    due, reason, sentence = explain(None)
    assert (due, reason) == (False, Reason.UNKNOWN)
    assert "CLEARED_RETENTION" in sentence


def test_an_owed_digest_that_carries_the_alarm_is_mentioned() -> None:
    """Marked told, and perhaps not published yet: the answer to why nobody has seen it."""
    told = after((WARNING, 1), DIGEST)
    sentence = explain(told, DigestItem(ALARM, WARNING, 1)).sentence
    assert "A digest that says WARNING is owed" in sentence
    assert "owed" not in explain(told).sentence


YEAR_S = 365.25 * 86_400


@pytest.mark.parametrize(
    ("at_s", "said"),
    [
        (10 * YEAR_S, "10.0 years"),
        (3 * 86_400.0, "3.0 days"),
        (5 * 3_600.0, "5.0 hours"),
        (600.0, "10 minutes"),
        (90.0, "90 seconds"),
    ],
)
def test_an_alarm_from_the_future_is_told_with_its_end(at_s: float, said: str) -> None:
    """Else nobody understands why what comes now changes nothing; told and cleared as well."""
    at_ns = int(at_s * 1e9)
    for events in ([(WARNING, at_ns)], [(WARNING, at_ns), DIGEST], [(CLEARED, at_ns)]):
        alarm = after(*events)
        without = explain(alarm).sentence
        assert explain(alarm, now_s=0.0).sentence == (
            f"{without} It stands until {format_instant(at_ns)}, when the clock of its agent will "
            f"be reached, which is {said} ahead: no event with an earlier time changes it."
        )
        assert explain(alarm, now_s=at_s - 0.5).sentence == without
        assert explain(alarm, now_s=at_s + 100).sentence == without
    assert explain(None, now_s=0.0) == explain(None)
