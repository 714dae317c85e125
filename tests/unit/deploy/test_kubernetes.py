"""The Kubernetes manifests: held to the service, its image and its probes."""

from __future__ import annotations

from typing import Any

import yaml

from actors.settings import CoreSettings
from ops.cli.options import options_of
from ops.settings import Settings
from ops.version import VERSION
from ops.web.exposition import metrics_routes
from ops.web.probes import probe_routes
from ops.web.settings import HttpSettings
from tests.service import ROOT
from tests.unit.docker.files import final, image_environment
from tests.unit.ops.monitoring.test_metrics import Desk as MetricsDesk

FILE = ROOT / "deploy" / "kubernetes" / "alarm-digest.yaml"
OPTIONS = {option.name: option for option in options_of(Settings)}
DOCUMENTS: dict[str, Any] = {
    document["kind"]: document for document in yaml.safe_load_all(FILE.read_text())
}
POD: dict[str, Any] = DOCUMENTS["Deployment"]["spec"]["template"]["spec"]
CONTAINER: dict[str, Any] = POD["containers"][0]
"""The service's."""


def test_there_is_what_it_takes_and_no_more() -> None:
    """NATS and MongoDB are somebody else's."""
    assert DOCUMENTS.keys() == {"ConfigMap", "Deployment", "PodDisruptionBudget"}
    assert len(POD["containers"]) == 1


def test_every_setting_in_the_manifests_is_one_of_the_service() -> None:
    """And one that it takes."""
    settings = DOCUMENTS["ConfigMap"]["data"]
    assert settings.keys() <= OPTIONS.keys()
    assert all(isinstance(value, str) for value in settings.values())
    named = {word.split("=")[0] for word in FILE.read_text().split("--from-literal=")[1:]}
    assert named == {"NATS_URL", "MONGODB_URI", "OPERATOR_TOKEN"}


def test_the_probes_ask_for_what_is_served_where_it_is_served() -> None:
    """Path and port; liveness never asks for readiness."""
    desk = MetricsDesk()
    routes = [*probe_routes(desk.health), *metrics_routes(desk.registry)]
    paths = {route.path for route in routes}
    [port] = [port for port in CONTAINER["ports"] if port["name"] == "http"]
    address = HttpSettings(DOCUMENTS["ConfigMap"]["data"]["HTTP_ADDRESS"])
    assert port["containerPort"] == address.port
    assert address.host == "0.0.0.0"  # noqa: S104  # the kubelet comes from outside the pod
    names = ("liveness", "readiness", "startup")
    probes = {name: CONTAINER[f"{name}Probe"]["httpGet"] for name in names}
    assert {probe["port"] for probe in probes.values()} == {"http"}
    assert {name: probe["path"] for name, probe in probes.items()} == {
        "liveness": "/livez",
        "readiness": "/readyz",
        "startup": "/livez",
    }
    annotations = DOCUMENTS["Deployment"]["spec"]["template"]["metadata"]["annotations"]
    assert annotations["prometheus.io/port"] == str(address.port)
    asked = {probe["path"] for probe in probes.values()}
    assert {*asked, annotations["prometheus.io/path"]} == paths


def test_an_orderly_stop_is_given_more_time_than_it_may_take() -> None:
    """Else the kubelet kills what is about to end well."""
    timeout = float(DOCUMENTS["ConfigMap"]["data"]["SHUTDOWN_TIMEOUT"])
    assert POD["terminationGracePeriodSeconds"] > timeout + 5


def test_pods_are_replaced_one_after_the_other() -> None:
    """Three of them, none missing meanwhile, and time for partitions to move in between."""
    deployment = DOCUMENTS["Deployment"]["spec"]
    assert deployment["replicas"] == 3
    assert deployment["strategy"]["rollingUpdate"] == {"maxUnavailable": 0, "maxSurge": 1}
    assert deployment["minReadySeconds"] > CoreSettings().lease_s


def test_it_is_not_root_and_writes_to_the_heartbeats_folder_only() -> None:
    """With the user that the image has."""
    [user] = [line.rest for line in final("USER")]
    security = POD["securityContext"]
    assert f"{security['runAsUser']}:{security['runAsGroup']}" == user
    assert security["runAsNonRoot"] is True
    assert security["seccompProfile"] == {"type": "RuntimeDefault"}
    assert CONTAINER["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert POD["automountServiceAccountToken"] is False
    [mount] = CONTAINER["volumeMounts"]
    assert image_environment()["HEARTBEAT_FILE"].startswith(f"{mount['mountPath']}/")


def test_whoever_describes_a_pod_reads_why_it_ended() -> None:
    """The last line of its log names a wrong setting and the mend."""
    assert CONTAINER["terminationMessagePolicy"] == "FallbackToLogsOnError"


def test_two_stay_when_nodes_are_drained() -> None:
    """One pod leaves at a time; the budget counts the pods of the deployment."""
    budget = DOCUMENTS["PodDisruptionBudget"]["spec"]
    deployment = DOCUMENTS["Deployment"]["spec"]
    assert budget["maxUnavailable"] == 1
    labels = deployment["template"]["metadata"]["labels"]
    assert budget["selector"] == deployment["selector"] == {"matchLabels": labels}


def test_what_the_container_is_given_is_there() -> None:
    """The map by its name; the secret is the operator's, as the comment above says."""
    sources = CONTAINER["envFrom"]
    assert sources[0]["configMapRef"]["name"] == DOCUMENTS["ConfigMap"]["metadata"]["name"]
    assert sources[1]["secretRef"]["name"] in FILE.read_text().partition("apiVersion")[0]
    assert CONTAINER["image"] == f"alarm-digest:{VERSION}"


def test_the_file_says_how_far_it_was_checked() -> None:
    """Until somebody has run it on a cluster, and takes this test out."""
    assert "not yet run on a cluster" in " ".join(FILE.read_text().replace("#", "").split())
