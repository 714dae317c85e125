"""A short version of ``make chaos``: under a load that goes on, faults come one after another."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from chaos.outcome import perform
from chaos.scenarios import SCENARIOS
from chaos.stage import Stage
from tests.patience import PATIENCE_S

if TYPE_CHECKING:
    from pathlib import Path

SHORT = ("service-killed", "connections-cut")


@pytest.mark.long
@pytest.mark.parametrize("name", SHORT)
def test_nothing_is_lost_or_repeated(name: str, tmp_path: Path) -> None:
    """Nor does the service stop answering; how soon it answers again, ``make chaos`` judges.

    Here the faults and the load share the cores with other tests.
    """
    scenario = next(scenario for scenario in SCENARIOS if scenario.name == name)
    scenario = replace(scenario, answering_within_s=PATIENCE_S)
    said: list[str] = []
    stage = Stage(
        tmp_path,
        scenario.settings,
        proxied=scenario.proxied,
        quick=True,
        rate=scenario.rate,
        progress=said.append,
    )
    outcome = perform(scenario, stage)
    assert outcome.problems == []
    assert outcome.fault_count == 2
    assert outcome.messages > 1000
    assert outcome.digests > 1000
    assert outcome.active_alarms > 1000
    assert said
