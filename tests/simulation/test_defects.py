"""The simulation finds mistakes: each of these, planted into the running code."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from tests.simulation.__main__ import main
from tests.simulation.defects import homes, rules, services, users
from tests.simulation.simulate import first_failure
from tests.simulation.test_histories import ROOT, SEEDS
from tests.unit.docs.pages import between

if TYPE_CHECKING:
    from tests.simulation.defects.defect import Defect

DEFECTS = (*rules.DEFECTS, *users.DEFECTS, *services.DEFECTS, *homes.DEFECTS)


@pytest.mark.parametrize("defect", DEFECTS, ids=lambda defect: defect.what)
def test_a_defect_is_found(defect: Defect, monkeypatch: pytest.MonkeyPatch) -> None:
    """Within so many histories, all of which the code as it is passes (``test_histories``)."""
    assert defect.within <= len(SEEDS)
    defect.plant(monkeypatch)
    assert first_failure(SEEDS[: defect.within]) is not None


def table() -> str:
    """Return the documented table as it is when it is right."""
    rows = (f"| {defect.what} | {defect.within} |" for defect in DEFECTS)
    return "\n".join(["| planted mistake | found within |", "|---|--:|", *rows])


def test_the_documented_defects_are_these() -> None:
    """On a difference, copy what ``table()`` returns between the two markers."""
    assert between(ROOT / "docs" / "reliability.md", "defects").strip() == table()


def test_a_broken_promise_ends_the_campaign_with_its_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit status 1, the seed, what was broken and the end of the history."""
    defect = next(defect for defect in DEFECTS if "before they are saved" in defect.what)
    defect.plant(monkeypatch)
    result = CliRunner().invoke(main, ["--seeds", "40", "--first", "5"])
    assert result.exit_code == 1
    failure = first_failure(range(5, 45))
    assert failure is not None
    assert f"seed {failure.seed}: {failure.broken}" in result.output
    assert failure.trace.lines()[-1] in result.output
    assert "PROMISES BROKEN" in result.output


def test_a_replay_of_a_broken_history_fails_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    """With all of it."""
    defect = next(defect for defect in DEFECTS if "before they are saved" in defect.what)
    defect.plant(monkeypatch)
    failure = first_failure(range(40))
    assert failure is not None
    result = CliRunner().invoke(main, ["--seed", str(failure.seed)])
    assert result.exit_code == 1
    *lines, verdict = result.output.splitlines()
    assert lines == failure.trace.lines()
    assert verdict == f"seed {failure.seed}: {failure.broken}"
