"""A short version of the cluster scenarios of ``make chaos``: they share the servers."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from chaos.cluster_scenarios import CLUSTER_SCENARIOS
from chaos.cluster_stage import ClusterStage
from chaos.outcome import perform
from tests.clusters import Clusters
from tests.conftest import leaving_nothing_behind
from tests.network import ABLE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SHORT = ("cluster-leader-cut-off", "cluster-primary-stepped-down", "cluster-both-killed")
ANSWERING_WITHIN_S = 15.0
"""Three times what ``make chaos`` allows: here other tests share the cores."""


@pytest.fixture(scope="module")
def clusters(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clusters]:
    """Servers of the module's own, to be broken."""
    with Clusters.running(tmp_path_factory.mktemp("clusters")) as started:
        yield started


@pytest.fixture(autouse=True)
def _leaves_nothing_behind(clusters: Clusters) -> Iterator[None]:
    """As everywhere; but a member that was started again is another process, and the module's."""
    with leaving_nothing_behind(clusters.pids):
        yield


# Not beside a browser: it gives up what it is loading when the machine's network changes.
@pytest.mark.long
@pytest.mark.xdist_group("browser")
@pytest.mark.parametrize("name", SHORT)
def test_nothing_is_lost_or_repeated(name: str, clusters: Clusters, tmp_path: Path) -> None:
    """Order is kept, and it answers soon after the servers themselves do."""
    if name.endswith("cut-off") and not ABLE:
        pytest.skip("members are cut apart by root only, with iproute2")
    scenario = next(scenario for scenario in CLUSTER_SCENARIOS if scenario.name == name)
    scenario = replace(scenario, answering_within_s=ANSWERING_WITHIN_S)
    stage = ClusterStage(
        tmp_path,
        clusters,
        scenario.settings,
        quick=True,
        rate=scenario.rate,
        progress=lambda _: None,
    )
    outcome = perform(scenario, stage)
    assert outcome.problems == []
    assert outcome.fault_count > 0
    assert outcome.digests > 500
