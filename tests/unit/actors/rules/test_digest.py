"""What a digest contains, and what telling it changes."""

from __future__ import annotations

import pytest

from actors.rules.alarms import Alarm, AlarmID, Severity, UserID
from actors.rules.digest import (
    NEVER_TOLD,
    Cursor,
    Digest,
    DigestID,
    DigestItem,
    answer,
    due_items,
    is_answered,
    mark_told,
    settle,
)
from actors.rules.positions import Place

A, B, C = AlarmID("a"), AlarmID("b"), AlarmID("c")
DIGEST = Digest(DigestID("d"), UserID("u"), ())
OTHER = Digest(DigestID("e"), UserID("u"), ())


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


def test_an_answer_counts_the_digest_and_remembers_where_the_request_stands() -> None:
    """The digest is owed from then on, behind those that are owed already."""
    cursor = answer(Cursor(3, Place(1, 1), (DIGEST,)), Place(2, 2), None, OTHER)
    assert cursor == Cursor(4, Place(2, 2), (DIGEST, OTHER))


def test_an_answer_without_a_digest_only_remembers_the_request() -> None:
    """An empty digest that is skipped is not counted."""
    assert answer(Cursor(3), Place(2, 2), None, None) == Cursor(3, Place(2, 2))


def test_a_part_of_a_digest_answers_no_request() -> None:
    """The last one does."""
    assert answer(Cursor(1, Place(1, 1)), None, None, DIGEST) == Cursor(2, Place(1, 1), (DIGEST,))


def test_a_late_request_of_a_lost_log_has_no_later_one_answered_again() -> None:
    """Whoever stood still meanwhile answers it last: the time of the cursor does not fall."""
    cursor = answer(Cursor(1, Place(3, 900)), Place(4, 60), None, None)
    assert is_answered(cursor, Place(4, 60), None)
    assert is_answered(cursor, Place(3, 900), None)
    assert not is_answered(cursor, Place(4, 901), None)
    cursor = answer(cursor, Place(4, 901), None, None)
    assert cursor.answered == Place(4, 901)


def test_a_clock_that_is_set_back_loses_no_request() -> None:
    """In the order of the log each is answered once."""
    cursor = Cursor(1, Place(7, 100))
    for place in (Place(8, 60), Place(9, 61), Place(12, 101)):
        assert not is_answered(cursor, place, None)
        cursor = answer(cursor, place, None, None)
        assert is_answered(cursor, place, None)


def test_a_settled_cursor_owes_nothing() -> None:
    """What was answered stays answered."""
    cursor = Cursor(2, Place(1, 1), (DIGEST,), ("9.9",))
    assert settle(cursor) == Cursor(2, Place(1, 1), (), ("9.9",))


@pytest.mark.parametrize(
    ("place", "answered"),
    [
        (Place(7, 70), True),
        (Place(6, 60), True),
        (Place(8, 80), False),
        (Place(6, 80), False),  # the log lost its tail and handed the sequence out again
        (Place(8, 60), False),
        (Place(6, 60, "another log"), False),
        (None, False),
    ],
)
def test_answered_is_what_is_above_the_last_answered_one_in_neither(
    place: Place | None, answered: bool
) -> None:
    """Sequence and timestamp, of the same log."""
    assert is_answered(Cursor(1, Place(7, 70)), place, None) is answered


def test_before_any_request_nothing_is_answered() -> None:
    """Of a user that was never asked for."""
    assert not is_answered(NEVER_TOLD, Place(1, 1), None)


def test_what_an_earlier_version_answered_is_known_until_it_is_passed() -> None:
    """It answered out of order: 20 and not 10. Read again in order, 10 is answered, 20 is not."""
    cursor = Cursor(1, earlier=("20.200",))
    assert not is_answered(cursor, Place(10, 100), None)
    cursor = answer(cursor, Place(10, 100), None, None)
    assert cursor.earlier == ("20.200",)
    assert is_answered(cursor, Place(20, 200), None)
    cursor = answer(cursor, Place(30, 300), None, None)
    assert cursor.earlier == ()
    assert is_answered(cursor, Place(20, 200), None)


def test_a_request_that_moved_to_another_log_is_known_by_its_earlier_id() -> None:
    """As ``main.py migrate`` moves them."""
    cursor = Cursor(1, earlier=("20.200",))
    assert is_answered(cursor, Place(3, 5000), "20.200")
    assert not is_answered(cursor, Place(3, 5000), "21.201")
