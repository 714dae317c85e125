"""What watches the service: the queries of alerts and dashboard, and the names they may use."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import yaml

from tests.unit.docker.files import DOCKER
from tests.unit.ops.monitoring.test_metrics import Desk

if TYPE_CHECKING:
    from collections.abc import Iterator

ALERTS = DOCKER / "prometheus" / "alerts.yml"
SCRAPES = DOCKER / "prometheus" / "prometheus.yml"
DASHBOARD = DOCKER / "grafana" / "dashboards" / "alarm-digest.json"

OTHERS = {
    "up",  # Prometheus' own
    # The NATS exporter's.
    "jetstream_server_max_storage",
    "jetstream_server_total_message_bytes",
    "jetstream_stream_total_bytes",
}


def exported() -> dict[str, set[str]]:
    """Return the names of the service's samples, and the labels of each."""
    names: dict[str, set[str]] = {}
    for family in Desk().registry.collect():
        for sample in family.samples:
            names.setdefault(sample.name, set()).update(sample.labels)
    return names


def alerts() -> list[dict[str, Any]]:
    """Return the alerts."""
    content = yaml.safe_load(ALERTS.read_text())
    return [rule for group in content["groups"] for rule in group["rules"]]


def dashboard() -> dict[str, Any]:
    """Return the dashboard."""
    content: dict[str, Any] = json.loads(DASHBOARD.read_text())
    return content


def panels() -> list[dict[str, Any]]:
    """Return the dashboard's panels, its rows left out."""
    return [panel for panel in dashboard()["panels"] if panel["type"] != "row"]


def queries() -> Iterator[str]:
    """Yield every query of alerts and dashboard."""
    for alert in alerts():
        yield alert["expr"]
    for panel in panels():
        for target in panel["targets"]:
            yield target["expr"]
    for annotation in dashboard()["annotations"]["list"]:
        yield annotation["expr"]


def names_in(query: str) -> set[str]:
    """Return the metrics that a query names."""
    plain = re.sub(r'"[^"]*"', '""', query)
    found = re.findall(r"\b(?:alarm_digest|process|python|jetstream)_\w+|\bup\b", plain)
    return set(found)


def labels_in(query: str) -> set[str]:
    """Return the labels that a query selects or groups by."""
    selected = re.findall(r"(\w+)(?:=~|!~|!=|=)\"", query)
    grouped = re.findall(r"\b(?:by|on) \(([^)]*)\)", query)
    return {*selected, *(label.strip() for labels in grouped for label in labels.split(","))}
