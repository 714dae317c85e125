"""The store's tally: whether the store is usable, by what its calls came to."""

from __future__ import annotations

from store.tally import SILENT_AFTER_S, StoreTally


def test_a_store_whose_calls_end_well_has_no_problem() -> None:
    """Nor has one that was not called."""
    tally = StoreTally()
    tally.under_way[1] = 10.0
    assert list(tally.problems(10.0 + SILENT_AFTER_S)) == []


def test_what_fails_is_said_in_its_words() -> None:
    """Of each kind of call; a failure that is over is none."""
    tally = StoreTally()
    tally.loads.failing = "no answer"
    tally.checks.failing = "not allowed"
    assert list(tally.problems(0.0)) == ["no answer", "not allowed"]
    tally.loads.failing = tally.checks.failing = None
    assert list(tally.problems(0.0)) == []


def test_a_call_that_lasts_too_long_is_not_answered() -> None:
    """A frozen server ends nothing; the oldest call tells."""
    tally = StoreTally(under_way={1: 10.0, 2: 14.0})
    assert list(tally.problems(10.0 + SILENT_AFTER_S + 1)) == ["no answer for 6 seconds"]
