"""The rules against a brute-force oracle: any order, any duplication, digests in between."""

from __future__ import annotations

from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from actors.rules.alarms import (
    Alarm,
    AlarmID,
    Retention,
    Severity,
    UserID,
    apply_event,
    forgettable,
)
from actors.rules.digest import DigestItem, due_items, mark_told
from tests.oracle import Oracle

USER = UserID("u")
FOR_EVER = Retention(0)
KEEP = Retention(80)


class Event(NamedTuple):
    """An event; few alarms and instants, so that keys collide often."""

    alarm_id: AlarmID
    severity: Severity
    changed_at_ns: int


DIGEST = "digest"
EVENTS = st.builds(
    Event,
    st.sampled_from([AlarmID("a"), AlarmID("b"), AlarmID("c")]),
    st.sampled_from(Severity),
    st.integers(-2, 3),
)
HISTORIES = st.lists(EVENTS | st.just(DIGEST), max_size=30)


class Rules:
    """The rules as a user actor uses them."""

    def __init__(self, retention: Retention = FOR_EVER) -> None:
        """Know nothing."""
        self.alarms: dict[AlarmID, Alarm] = {}
        self._retention = retention

    def receive(self, event: Event, now_s: int = 0) -> None:
        """Apply an event."""
        known = self.alarms.get(event.alarm_id)
        self.alarms[event.alarm_id] = apply_event(
            known, event.severity, event.changed_at_ns, now_s, self._retention
        )

    def digest(self) -> tuple[DigestItem, ...]:
        """Make a digest, and have it told."""
        items = due_items(self.alarms)
        self.alarms.update(mark_told(self.alarms, items))
        return items

    def forget(self, now_s: int) -> set[AlarmID]:
        """Forget what may be forgotten; return it."""
        forgotten = forgettable(self.alarms, now_s, self._retention)
        for alarm_id in forgotten:
            del self.alarms[alarm_id]
        return set(forgotten)


def _tell(oracle: Oracle) -> list[DigestItem]:
    items = oracle.due(USER)
    for item in items:
        oracle.tell(USER, *item)
    return items


@given(HISTORIES)
def test_every_history_gives_what_the_oracle_says(history: list[Event | str]) -> None:
    """After each step: what is current, what is news, and what a digest would carry."""
    rules, oracle = Rules(), Oracle()
    for step in history:
        if isinstance(step, Event):
            rules.receive(step)
            oracle.receive(USER, *step)
        else:
            assert list(rules.digest()) == _tell(oracle)
        for alarm_id, alarm in rules.alarms.items():
            assert (alarm.changed_at_ns, alarm.severity) == oracle.current(USER, alarm_id)
            assert alarm.news == oracle.is_news(USER, alarm_id)
        assert list(due_items(rules.alarms)) == oracle.due(USER)


@given(st.lists(EVENTS, max_size=15), st.lists(EVENTS, max_size=15), st.data())
def test_order_and_repetition_change_nothing(
    before: list[Event], after: list[Event], data: st.DataObject
) -> None:
    """On either side of a digest, the events that came before it repeated after it too."""
    plain, shuffled = Rules(), Rules()
    for event in before:
        plain.receive(event)
    for event in data.draw(st.permutations(before + before[::2])):
        shuffled.receive(event)
    assert plain.digest() == shuffled.digest()
    for event in after:
        plain.receive(event)
    for event in data.draw(st.permutations(after + after[::2] + before)):
        shuffled.receive(event)
    assert plain.alarms == shuffled.alarms


@given(HISTORIES)
def test_a_digest_leaves_nothing_to_tell(history: list[Event | str]) -> None:
    """A second request right behind a first has nothing to carry."""
    rules = Rules()
    for step in history:
        if isinstance(step, Event):
            rules.receive(step)
    rules.digest()
    assert rules.digest() == ()


@given(st.lists(EVENTS), st.lists(st.integers(0, 60), min_size=1))
def test_only_cleared_alarms_are_forgotten_and_never_too_early(
    events: list[Event], pauses_s: list[int]
) -> None:
    """Not before nothing has arrived for the whole retention, whatever arrived before that."""
    rules, heard_at_s, now_s = Rules(KEEP), dict[AlarmID, int](), 1000
    oracle = Oracle()
    for number, event in enumerate(events):
        now_s += pauses_s[number % len(pauses_s)]
        standing = dict(rules.alarms)
        for alarm_id in rules.forget(now_s):
            assert not standing[alarm_id].active
            assert now_s - heard_at_s[alarm_id] >= KEEP.keep_s
            del oracle.events[USER, alarm_id]
            oracle.told.pop((USER, alarm_id), None)
        rules.receive(event, now_s)
        oracle.receive(USER, *event)
        heard_at_s[event.alarm_id] = now_s
        assert list(due_items(rules.alarms)) == oracle.due(USER)


@given(st.lists(EVENTS, min_size=1))
def test_every_cleared_alarm_is_forgotten_in_the_end(events: list[Event]) -> None:
    """At the latest once the retention and twice its resolution have passed in silence."""
    rules = Rules(KEEP)
    for now_s, event in enumerate(events, start=1000):
        rules.receive(event, now_s)
    cleared = {alarm_id for alarm_id, alarm in rules.alarms.items() if not alarm.active}
    assert rules.forget(1000 + len(events) + KEEP.keep_s + 2 * KEEP.resolution_s) == cleared
    assert all(alarm.active for alarm in rules.alarms.values())
