"""The published table: it is that of the last full run, which covered every scenario."""

from __future__ import annotations

import json

from chaos.outcome import Outcome
from chaos.report import BEGIN, DOCUMENT, END, FOLDER, spread, table
from chaos.scenarios import SCENARIOS


def published() -> list[Outcome]:
    """Return the outcomes of the last full run."""
    results = json.loads((FOLDER / "chaos.json").read_text())["scenarios"]
    return [Outcome(**result) for result in results]


def test_the_document_shows_the_figures_of_the_file() -> None:
    """Neither is edited by hand."""
    shown = DOCUMENT.read_text().partition(BEGIN)[2].partition(END)[0]
    assert table(published()) in shown


def test_every_scenario_was_run_and_kept_every_promise() -> None:
    """A scenario that is added or broken calls for another run."""
    assert [outcome.scenario for outcome in published()] == [each.name for each in SCENARIOS]
    assert [outcome.problems for outcome in published() if outcome.problems] == []


def test_a_spread_names_what_each_share_came_within() -> None:
    """By rank: of a hundred answers, all but one came within what 99 % of them took."""
    seconds = [number / 100 for number in range(100, 0, -1)]
    assert spread(seconds) == (
        "100 answers, within: half 0.50 s, nine tenths 0.90 s, 99 % 0.99 s, all 1.00 s"
    )
