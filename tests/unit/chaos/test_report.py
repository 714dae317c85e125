"""The published table: it is the last full play of each scenario."""

from __future__ import annotations

from dataclasses import asdict

from chaos.cluster_scenarios import NAMES
from chaos.outcome import Outcome
from chaos.report import BEGIN, DOCUMENT, END, in_order, recorded, shown, spread

RESULTS = recorded()
LATE = {"cluster-server-cut-off"}
"""Kept all but the five seconds to an answer; the document says by how much and why."""
ROWS = (
    (NAMES[2], "at first"),
    (NAMES[0], "at first"),
    ("no-more", "at first"),
    (NAMES[0], "later"),
)
SHOWN = DOCUMENT.read_text().partition(BEGIN)[2].partition(END)[0]


def test_the_document_shows_the_figures_of_the_file() -> None:
    """Neither is edited by hand."""
    assert SHOWN.strip() == shown(RESULTS)


def test_what_is_published_kept_every_promise_but_those_that_the_document_names() -> None:
    """A play in which one was broken is a reason to mend it."""
    broken = {one["scenario"] for one in RESULTS if one["problems"]}
    assert broken == LATE
    assert all(f"`{name}`" in DOCUMENT.read_text() for name in broken)


def test_every_scenario_was_played() -> None:
    """One that is added calls for a play of it: ``make chaos ONLY=…``."""
    assert [one["scenario"] for one in RESULTS] == NAMES


def test_a_play_takes_the_place_of_the_one_before() -> None:
    """In the order in which all are played; what is no scenario any more leaves."""
    measured = asdict(Outcome("", ""))
    rows = [{**measured, "scenario": name, "played": day} for name, day in ROWS]
    rows.append({"scenario": NAMES[1], "played": "before something else was measured"})
    assert [(row["scenario"], row["played"]) for row in in_order(rows)] == [
        (NAMES[0], "later"),
        (NAMES[2], "at first"),
    ]


def test_a_spread_names_what_each_share_came_within() -> None:
    """By rank: of a hundred answers, all but one came within what 99 % of them took."""
    seconds = [number / 100 for number in range(100, 0, -1)]
    assert spread(seconds) == (
        "100 answers, within: half 0.50 s, nine tenths 0.90 s, 99 % 0.99 s, all 1.00 s"
    )
