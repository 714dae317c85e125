"""The judge of order, which reads the log from outside."""

from __future__ import annotations

import json

from actors.rules.alarms import AlarmID, Severity, UserID
from bus.wire.instants import format_instant
from chaos.load.log import Entry
from chaos.load.reader import Stored
from chaos.order import judge_order

USER = UserID("u")
WARNING, CRITICAL, CLEARED = Severity.WARNING, Severity.CRITICAL, Severity.CLEARED


def _event(alarm: str, severity: Severity, at_ns: int) -> Entry:
    return Entry(USER, (AlarmID(alarm), severity, at_ns), None)


def _request(number: int) -> Entry:
    return Entry(USER, None, number)


def _digest(request: int, *items: tuple[str, Severity, int], name: str = "") -> Stored:
    alarms = [
        {"AlarmID": alarm, "Status": severity.name, "LatestChangedAt": format_instant(at_ns)}
        for alarm, severity, at_ns in items
    ]
    body = json.dumps({"UserID": USER, "ActiveAlarms": alarms}).encode()
    return Stored(name or f"d{request}", body, request, 0.0)


def test_a_digest_with_all_that_stood_before_its_request_lacks_nothing() -> None:
    """And the next tells only what is news since."""
    log = [_event("a", WARNING, 5), _request(1), _event("b", WARNING, 6), _request(2)]
    digests = [_digest(1, ("a", WARNING, 5)), _digest(2, ("b", WARNING, 6))]
    assert judge_order([log], digests) == ([], [], [])


def test_an_event_that_stood_before_the_request_and_is_not_told_is_lacking() -> None:
    """Though the next digest tells it."""
    log = [_event("a", WARNING, 5), _request(1), _request(2)]
    verdict = judge_order([log], [_digest(1), _digest(2, ("a", WARNING, 5))])
    assert verdict.lacking == ["request 1 of u: a is None"]


def test_an_older_state_than_what_stood_before_is_lacking_too() -> None:
    """The CRITICAL was there."""
    log = [_event("a", WARNING, 5), _event("a", CRITICAL, 6), _request(1)]
    verdict = judge_order([log], [_digest(1, ("a", WARNING, 5))])
    assert verdict.lacking == [f"request 1 of u: a is {(5, WARNING)}"]


def test_a_digest_may_know_what_stands_behind_its_request() -> None:
    """A newer state, or that it was cleared."""
    log = [_event("a", WARNING, 5), _event("b", WARNING, 5), _request(1)]
    log += [_event("a", CLEARED, 7), _event("b", CRITICAL, 7)]
    assert judge_order([log], [_digest(1, ("b", CRITICAL, 7))]).lacking == []


def test_each_request_has_one_digest() -> None:
    """One published again under its id is the same one."""
    log = [_request(1), _request(2), _request(3)]
    digests = [_digest(1), _digest(1), _digest(2), _digest(2, name="another")]
    verdict = judge_order([log], digests)
    assert verdict.unanswered == ["request 3"]
    assert [line.partition(":")[0] for line in verdict.answered_twice] == ["request 2"]


def test_a_request_that_the_broker_lost_may_have_been_answered() -> None:
    """What its digest told is told all the same."""
    log = [_event("a", WARNING, 5), _request(2)]
    assert judge_order([log], [_digest(1, ("a", WARNING, 5)), _digest(2)]) == ([], [], [])


def test_what_was_cleared_by_an_event_that_the_broker_lost_is_not_lacking() -> None:
    """The service had applied it; an older clear, or one that is in the log, excuses nothing."""
    log = [_event("a", WARNING, 5), _request(1)]
    published = {(USER, AlarmID("a")): [(5, WARNING), (7, CLEARED)]}
    assert judge_order([log], [_digest(1)], published).lacking == []
    published = {(USER, AlarmID("a")): [(5, WARNING), (4, CLEARED)]}
    assert judge_order([log], [_digest(1)], published).lacking == ["request 1 of u: a is None"]
