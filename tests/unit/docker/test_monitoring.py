"""Alerts, dashboard, Prometheus and Grafana: held to what is exported, and to each other."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
import yaml

from ops.cli.options import options_of
from ops.settings import Settings
from ops.web.settings import HttpSettings
from tests.programs import program
from tests.unit.docker.files import DOCKER, ROOT, SERVICE, part
from tests.unit.docker.monitoring import (
    ALERTS,
    OTHERS,
    SCRAPES,
    alerts,
    dashboard,
    exported,
    labels_in,
    names_in,
    panels,
    queries,
)

RUNBOOKS = ROOT / "docs" / "operations" / "alerts.md"
FROM_PROMETHEUS = {"job", "instance", "stream_name", "alertname", "severity"}


def _promtool(*arguments: str | Path) -> tuple[int, str]:
    checked = subprocess.run(
        [program("promtool"), *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
    )
    return checked.returncode, checked.stdout + checked.stderr


@pytest.mark.parametrize("query", sorted(set(queries())))
def test_every_query_names_what_is_exported(query: str) -> None:
    """A metric that is renamed would leave an alert silent for ever."""
    known = exported()
    names = names_in(query)
    assert names
    assert names <= known.keys() | OTHERS
    labels = set[str]().union(*(known.get(name, set()) for name in names))
    assert labels_in(query) <= labels | FROM_PROMETHEUS


def test_every_metric_of_ours_is_on_the_dashboard_or_in_an_alert() -> None:
    """But for one, from which the lag is made; it is there for whoever wants another view."""
    shown = set[str]().union(*(names_in(query) for query in queries()))
    families = {re.sub(r"_(bucket|sum|count)$", "", name) for name in exported()}
    ours = {name for name in families if name.startswith("alarm_digest_")}
    seen = {re.sub(r"_(bucket|sum|count)$", "", name) for name in shown}
    assert ours - seen == {"alarm_digest_last_message_timestamp_seconds"}


@pytest.mark.parametrize("alert", alerts(), ids=lambda alert: alert["alert"])
def test_every_alert_says_how_urgent_it_is_and_where_its_runbook_is(
    alert: dict[str, object],
) -> None:
    """A section of its own, which says what it means before what to do."""
    name, labels, annotations = alert["alert"], alert["labels"], alert["annotations"]
    assert isinstance(name, str)
    assert isinstance(labels, dict)
    assert isinstance(annotations, dict)
    assert annotations["runbook"] == f"docs/operations/alerts.md#{name.lower()}"
    section = RUNBOOKS.read_text().partition(f"\n## {name}\n")[2].partition("\n## ")[0].strip()
    assert section.startswith(f"{labels['severity']}. ")
    assert "\n- " in section
    assert annotations["summary"].endswith(".")


def test_every_runbook_is_an_alerts() -> None:
    """In the order of the file."""
    sections = re.findall(r"^## (.*)$", RUNBOOKS.read_text(), re.MULTILINE)
    assert sections == [alert["alert"] for alert in alerts()]


def test_every_link_within_the_runbooks_leads_somewhere() -> None:
    """As a reader clicks it."""
    text = RUNBOOKS.read_text()
    targets = set(re.findall(r"\(#([a-z]+)\)", text))
    assert targets <= {alert["alert"].lower() for alert in alerts()}


def test_events_and_settings_in_the_runbooks_exist() -> None:
    """What an operator is told to look for is what the code logs."""
    text = RUNBOOKS.read_text()
    code = "\n".join(
        file.read_text()
        for folder in ("actors", "bus", "ops", "store")
        for file in (ROOT / "main.py", *(ROOT / folder).rglob("*.py"))
    )
    for event in re.findall(r"`([a-z_]+\.[a-z_]+)`", text):
        assert f'"{event}"' in code, event
    named = set(re.findall(r"`([A-Z]+_[A-Z_]+)(?:=[^`]*)?`", text))
    assert named <= {option.name for option in options_of(Settings)}


def test_promtool_finds_the_alerts_and_the_configuration_sound() -> None:
    """Prometheus' own check."""
    assert _promtool("check", "rules", ALERTS)[0] == 0
    status, said = _promtool("check", "config", SCRAPES)
    assert status == 0, said


def test_every_alert_fires_on_what_it_is_for_and_is_quiet_otherwise() -> None:
    """See the file: one history in which all is well, one in which nothing is."""
    file = Path(__file__).parent / "alerts_test.yml"
    names = {alert["alert"] for alert in alerts()}
    assert set(re.findall(r"\bAlarmDigest\w+", file.read_text())) == names
    status, said = _promtool("test", "rules", file)
    assert status == 0, said


def test_prometheus_scrapes_the_service_and_the_exporter_where_they_listen() -> None:
    """By the names and ports of compose.yaml."""
    jobs = {job["job_name"]: job for job in yaml.safe_load(SCRAPES.read_text())["scrape_configs"]}
    [found] = jobs[SERVICE]["dns_sd_configs"]
    address = HttpSettings(part(SERVICE)["environment"]["HTTP_ADDRESS"])
    assert (found["names"], found["port"]) == ([SERVICE], address.port)
    assert part(SERVICE)["deploy"]["replicas"] == 3
    [exporter] = jobs["nats"]["static_configs"]
    port = next(word for word in part("nats-exporter")["command"] if word.startswith("-port="))
    assert part("nats-exporter")["network_mode"] == "service:nats"
    assert exporter["targets"] == [f"nats:{port.removeprefix('-port=')}"]


@pytest.mark.parametrize("name", ["prometheus", "grafana"])
def test_every_file_that_is_mounted_is_there(name: str) -> None:
    """Docker would make an empty folder in its place."""
    for mount in part(name)["volumes"]:
        source, target, *_ = mount.split(":")
        if source.startswith("."):
            assert (DOCKER / source).exists(), mount
            assert target.startswith("/")


def test_grafana_finds_its_dashboard_and_the_dashboard_its_source() -> None:
    """Paths and ids of four files."""
    provisioning = DOCKER / "grafana" / "provisioning"
    [source] = yaml.safe_load((provisioning / "datasources" / "prometheus.yaml").read_text())[
        "datasources"
    ]
    assert source["url"] == "http://prometheus:9090"
    assert {panel["datasource"]["uid"] for panel in panels()} == {source["uid"]}
    [provider] = yaml.safe_load((provisioning / "dashboards" / "alarm-digest.yaml").read_text())[
        "providers"
    ]
    folder = provider["options"]["path"]
    assert f"./grafana/dashboards:{folder}:ro" in part("grafana")["volumes"]
    home = part("grafana")["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert home == f"{folder}/alarm-digest.json"


def test_the_dashboards_panels_are_whole_and_do_not_overlap() -> None:
    """Each explains itself."""
    taken: set[tuple[int, int]] = set()
    identifiers = [panel["id"] for panel in dashboard()["panels"]]
    assert len(set(identifiers)) == len(identifiers)
    for panel in dashboard()["panels"]:
        at = panel["gridPos"]
        assert at["x"] + at["w"] <= 24
        cells = {
            (x, y)
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        }
        assert not cells & taken, panel["title"]
        taken |= cells
    assert all(panel["title"] and panel["description"] for panel in panels())
