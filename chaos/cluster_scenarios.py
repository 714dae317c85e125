"""The scenarios of clusters: two instances, three replicas of everything, one member away."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chaos.scenarios import SCENARIOS, Scenario
from chaos.stories import clusters, cuts

if TYPE_CHECKING:
    from chaos.cluster_stage import ClusterStage

CLUSTER_SCENARIOS: tuple[Scenario[ClusterStage], ...] = tuple(
    Scenario(f"cluster-{name}", f"three of each, {faults}", play, instances=2, rate=300.0)
    for name, faults, play in (*clusters.STORIES, *cuts.STORIES)
)

NAMES = [*(one.name for one in SCENARIOS), *(one.name for one in CLUSTER_SCENARIOS)]
"""Of all that ``make chaos`` plays, in its order."""
