"""The example of scaling in docs/operations/deployment.md: held to metrics and to the manifests."""

from __future__ import annotations

from typing import Any

import yaml

from actors.rules.partitions import PARTITIONS
from tests.service import ROOT
from tests.unit.deploy.test_kubernetes import DOCUMENTS
from tests.unit.docker.files import SERVICE
from tests.unit.docker.monitoring import exported, names_in
from tests.unit.docs.pages import between

PAGE = ROOT / "docs" / "operations" / "deployment.md"


def _scaled() -> dict[str, Any]:
    text = between(PAGE, "keda").removeprefix("```yaml\n").removesuffix("```\n")
    scaled: dict[str, Any] = yaml.safe_load(text)
    return scaled


def test_it_asks_for_what_is_exported_by_the_job_that_prometheus_scrapes() -> None:
    """A metric that is renamed would never scale anything."""
    for trigger in _scaled()["spec"]["triggers"]:
        query = trigger["metadata"]["query"]
        assert names_in(query)
        assert names_in(query) <= exported().keys()
        assert f'job="{SERVICE}"' in query
        assert float(trigger["metadata"]["threshold"]) > 0


def test_it_scales_the_deployment_from_what_that_has_to_what_helps() -> None:
    """Never below three, never so many that some stand by."""
    spec, deployment = _scaled()["spec"], DOCUMENTS["Deployment"]
    assert spec["scaleTargetRef"]["name"] == deployment["metadata"]["name"]
    assert spec["minReplicaCount"] == deployment["spec"]["replicas"]
    assert spec["minReplicaCount"] < spec["maxReplicaCount"] < PARTITIONS


def test_instances_come_and_go_one_at_a_time() -> None:
    """Each of them moves partitions."""
    behavior = _scaled()["spec"]["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]
    for direction in ("scaleUp", "scaleDown"):
        [policy] = behavior[direction]["policies"]
        assert (policy["type"], policy["value"]) == ("Pods", 1)
