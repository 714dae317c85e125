"""Goals beside figures, and what is a regression."""

from __future__ import annotations

import pytest

from bench.goals import GOALS, HELD, Goal, figure_in, regressions, shares_table, table

AT_LEAST = Goal("rate", "known.rate", 2.0, at_least=True)
AT_MOST = Goal("cost", "known.cost", 2.0, at_least=False)


@pytest.mark.parametrize(
    ("goal", "value", "verdict"),
    [
        (AT_LEAST, 2.0, "met"),
        (AT_LEAST, 1.99, "missed"),
        (AT_MOST, 2.0, "met"),
        (AT_MOST, 2.01, "missed"),
    ],
)
def test_a_goal_is_met_at_its_bound_and_missed_beyond(
    goal: Goal, value: float, verdict: str
) -> None:
    """In the direction that it wants."""
    assert goal.verdict({"known": {goal.figure.rpartition(".")[2]: value}}) == verdict


def test_what_a_run_did_not_measure_is_neither_met_nor_missed() -> None:
    """A quick run has fewer instances; a machine may have no cgroups."""
    assert figure_in({"known": 1.0}, "known.rate") is None
    assert AT_LEAST.verdict({"known": {}}) == "not measured"
    assert table({}).count("not measured") == len(GOALS)
    assert shares_table({}).count("\n") == 1


def test_the_table_has_a_row_for_each_goal_with_its_value() -> None:
    """As Markdown: the page is made of it."""
    rows = table({"known_users": {"of_raw": 1.25, "cpu_of_raw": 1.5}}).splitlines()
    assert len(rows) == len(GOALS) + 2
    assert "| 1 known users: events/s, of raw | ≥ 1 | 1.25 | met |" in rows
    assert "| 1 known users: CPU an event, of raw | ≤ 1.3 | 1.5 | missed |" in rows


def test_a_tenth_more_cpu_than_recorded_is_a_regression() -> None:
    """Of the baseline's CPU in the same run: machines differ, and neighbours."""

    def results(ratio: float) -> dict[str, object]:
        return {path.partition(".")[0]: {"cpu_of_raw": ratio} for path in HELD}

    assert not regressions(results(1.65), results(1.5))
    assert len(regressions(results(1.66), results(1.5))) == len(HELD)
    assert not regressions(results(9.0), {}), "nothing was recorded"
