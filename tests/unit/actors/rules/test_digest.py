"""What a digest contains, and what telling it changes."""

from __future__ import annotations

from actors.rules.alarms import Alarm, AlarmID, Severity, UserID
from actors.rules.digest import (
    ANSWERED_REQUESTS_KEPT,
    Cursor,
    Digest,
    DigestID,
    DigestItem,
    RequestID,
    answer,
    due_items,
    mark_told,
    settle,
)

A, B, C = AlarmID("a"), AlarmID("b"), AlarmID("c")
DIGEST = Digest(DigestID("d"), UserID("u"), ())


def _alarm(severity: Severity, at_ns: int, *, news: bool = True) -> Alarm:
    return Alarm(severity, at_ns, Severity.CLEARED, None, news, 0)


def test_a_digest_carries_what_is_active_and_news() -> None:
    """A cleared alarm is not active, a told one is no news."""
    alarms = {
        A: _alarm(Severity.WARNING, 1),
        B: _alarm(Severity.WARNING, 2, news=False),
        C: _alarm(Severity.CLEARED, 3),
    }
    assert due_items(alarms) == (DigestItem(A, Severity.WARNING, 1),)


def test_a_digest_is_ordered_oldest_first_then_by_alarm_id() -> None:
    """Severity has no say, nor has the order of arrival."""
    alarms = {
        C: _alarm(Severity.CRITICAL, 2),
        B: _alarm(Severity.WARNING, 2),
        A: _alarm(Severity.CRITICAL, 3),
        AlarmID("z"): _alarm(Severity.WARNING, 1),
    }
    assert [item.alarm_id for item in due_items(alarms)] == ["z", "b", "c", "a"]


def test_nothing_to_tell_is_an_empty_digest() -> None:
    """Of an unknown user as well."""
    assert due_items({}) == ()


def test_telling_notes_key_and_status_of_what_was_told() -> None:
    """And of nothing else."""
    alarms = {A: _alarm(Severity.CRITICAL, 4), B: _alarm(Severity.WARNING, 5)}
    told = mark_told(alarms, [DigestItem(A, Severity.CRITICAL, 4)])
    assert told == {A: Alarm(Severity.CRITICAL, 4, Severity.CRITICAL, 4, news=False, heard_at_s=0)}
    assert alarms[A].news


def test_an_answer_counts_the_digest_and_remembers_the_request() -> None:
    """The digest is owed from then on."""
    cursor = answer(Cursor(3, (RequestID("r1"),)), RequestID("r2"), DIGEST)
    assert cursor == Cursor(4, (RequestID("r1"), RequestID("r2")), DIGEST)


def test_an_answer_without_a_digest_only_remembers_the_request() -> None:
    """An empty digest that is skipped is not counted."""
    assert answer(Cursor(3), RequestID("r"), None) == Cursor(3, (RequestID("r"),), None)


def test_a_request_without_an_id_is_not_remembered() -> None:
    """It cannot come again."""
    assert answer(Cursor(), None, DIGEST) == Cursor(1, (), DIGEST)


def test_only_the_last_answered_requests_are_remembered() -> None:
    """The oldest makes room."""
    cursor = Cursor()
    for number in range(ANSWERED_REQUESTS_KEPT + 1):
        cursor = answer(cursor, RequestID(str(number)), None)
    assert cursor.answered == tuple(str(n) for n in range(1, ANSWERED_REQUESTS_KEPT + 1))


def test_a_settled_cursor_owes_nothing() -> None:
    """What was answered stays answered."""
    assert settle(Cursor(2, (RequestID("r"),), DIGEST)) == Cursor(2, (RequestID("r"),), None)
