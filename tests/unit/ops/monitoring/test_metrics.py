"""/metrics: every figure that is counted is shown, under a name that Prometheus likes."""

from __future__ import annotations

import dataclasses
import subprocess
from typing import TYPE_CHECKING

import pytest
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from actors.rejections import RejectionKind
from actors.rules.alarms import UserID
from actors.runtime.simulated import ManualClock
from actors.tally import CoreTally, Histogram, HomeTally
from bus.status import BusStatus
from bus.tally import BusTally
from ops.homes.lag import Positions
from ops.monitoring.health import Health, Phase
from ops.monitoring.metrics import Sources, registry_of
from ops.version import VERSION
from store.tally import StoreTally
from tests.programs import program
from tests.unit.ops.homes.test_lag import Log
from tests.unit.ops.monitoring.test_health import WELL, StillPulse

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry


class Desk:
    """Sources that a test sets, and what is shown of them."""

    def __init__(self) -> None:
        """Have nothing counted."""
        self.core, self.bus, self.store, self.status = CoreTally(), BusTally(), StoreTally(), WELL
        self.home, self.log = HomeTally(partitions=64, may_publish_until_s=1e18), Log()
        self.clock, self.on_log = ManualClock(), True
        pulse = StillPulse()
        self.health = Health(
            pulse,
            lambda: self.status,
            lambda: 0,
            self.store,
            self.home,
            lambda: self.on_log,
            self.clock.monotonic_s,
        )
        self.positions = Positions(lambda: self.log, self.clock.monotonic_s)
        self.sources = Sources(
            self.core,
            self.bus,
            lambda: self.status,
            self.store,
            pulse,
            self.health,
            50_000,
            self.home,
            self.positions,
            lambda: self.on_log,
        )
        self.registry: CollectorRegistry = registry_of(self.sources)

    def text(self) -> str:
        """Return what a scraper gets."""
        return generate_latest(self.registry).decode()

    def samples(self) -> dict[str, float]:
        """Return each sample of ours, its labels behind its name."""
        return {
            "".join((sample.name, *(f" {name}={word}" for name, word in sample.labels.items()))): (
                sample.value
            )
            for family in text_string_to_metric_families(self.text())
            for sample in family.samples
        }


def _numbers(tally: object) -> list[str]:
    return [
        field.name
        for field in dataclasses.fields(tally)  # type: ignore[arg-type]  # tallies are
        if isinstance(getattr(tally, field.name), int)
    ]


@pytest.mark.parametrize("which", ["core", "bus", "store", "home"])
def test_every_number_that_is_counted_is_shown(which: str) -> None:
    """A figure that is counted and not shown is of no use to anybody."""
    desk = Desk()
    tally = getattr(desk, which)
    for name in _numbers(tally):
        before = desk.samples()
        setattr(tally, name, getattr(tally, name) + 977)
        after = desk.samples()
        shown = {key for key in after if after[key] - before[key] == 977}
        assert len(shown) == 1, f"{name}: {shown}"


def test_the_kinds_of_messages_add_up_to_what_was_taken() -> None:
    """Events are what is left."""
    desk = Desk()
    desk.bus.taken, desk.bus.requests, desk.bus.rejected = 10, 3, 2
    samples = desk.samples()
    kinds = {key: samples[key] for key in samples if "messages_total kind=" in key}
    assert sum(kinds.values()) == 10
    assert kinds["alarm_digest_messages_total kind=event"] == 5


def test_a_histogram_is_shown_in_cumulated_buckets() -> None:
    """As Prometheus wants them."""
    desk = Desk()
    for value in (0.0005, 0.02, 0.02, 60.0):
        desk.core.digest_latency_s.observe(value)
    samples, name = desk.samples(), "alarm_digest_digest_latency_seconds"
    assert samples[f"{name}_bucket le=0.001"] == 1
    assert samples[f"{name}_bucket le=0.025"] == 3
    assert samples[f"{name}_bucket le=10.0"] == 3
    assert samples[f"{name}_bucket le=+Inf"] == samples[f"{name}_count"] == 4
    assert samples[f"{name}_sum"] == pytest.approx(60.0405)


def test_every_histogram_is_shown() -> None:
    """Each under a name of its own."""
    desk = Desk()
    tallies = (desk.core, desk.store.saves, desk.store.loads)
    histograms = [
        getattr(tally, field.name)
        for tally in tallies
        for field in dataclasses.fields(tally)
        if isinstance(getattr(tally, field.name), Histogram)
    ]
    for number, histogram in enumerate(histograms, start=1):
        for _ in range(number):
            histogram.observe(0.1)
    samples = desk.samples()
    counts = sorted(value for key, value in samples.items() if key.endswith("_count"))
    assert counts == list(range(1, len(histograms) + 1))


def test_dead_letters_have_a_series_for_each_reason_from_the_start() -> None:
    """An alert on an increase from nothing to one would not fire."""
    desk = Desk()
    desk.bus.dead_letters[RejectionKind.CRASHED] = 2
    samples = desk.samples()
    name = "alarm_digest_dead_letters_total"
    shown = {kind: samples[f"{name} reason={kind}"] for kind in RejectionKind}
    assert shown == {kind: 2 * (kind is RejectionKind.CRASHED) for kind in RejectionKind}


def test_how_the_bus_stands_is_shown() -> None:
    """Lag and window as gauges."""
    desk = Desk()
    desk.status = BusStatus(
        connected=True,
        pulling=False,
        in_flight=7,
        dropped=3,
        waiting=11,
        behind_s=2.5,
        last_taken_at_s=1.7e9,
        rejecting=5,
    )
    samples = desk.samples()
    shown = {
        "nats_connected": 1,
        "reading": 0,
        "messages_in_flight": 7,
        "messages_in_flight_limit": 50_000,
        "messages_dropped_total": 3,
        "messages_waiting": 11,
        "dead_letters_waiting": 5,
        "lag_seconds": 2.5,
        "last_message_timestamp_seconds": 1.7e9,
    }
    assert {name: samples[f"alarm_digest_{name}"] for name in shown} == shown


def test_how_far_what_is_settled_is_behind_is_shown() -> None:
    """In messages, and for how long nothing has moved."""
    desk = Desk()
    desk.log.read_to(100, 40)
    desk.positions.look()
    desk.clock.elapsed_s += 7
    samples = desk.samples()
    assert samples["alarm_digest_position_lag_messages"] == 60
    assert samples["alarm_digest_position_stands_seconds"] == 7


def test_on_core_nats_nothing_is_said_of_partitions() -> None:
    """An alert on partitions without a home would never end."""
    desk = Desk()
    with_homes = desk.samples().keys()
    desk.on_log = False
    gone = with_homes - desk.samples().keys()
    assert {"alarm_digest_partitions", "alarm_digest_lapses_total"} <= gone
    assert "alarm_digest_messages_waiting" not in gone


def test_what_the_probe_says_and_what_runs_is_shown() -> None:
    """For alerts, and for a look at a roll-out."""
    desk = Desk()
    assert desk.samples()["alarm_digest_ready"] == 0
    desk.health.phase = Phase.SERVING
    samples = desk.samples()
    assert samples["alarm_digest_ready"] == samples["alarm_digest_mongodb_usable"] == 1
    assert samples["alarm_digest_pulse_age_seconds part=timer"] == 0.1
    assert any(VERSION in key for key in samples if "build_info" in key)


def test_nothing_shown_bears_an_id() -> None:
    """Labels are few and fixed."""
    desk = Desk()
    labels = {
        name
        for family in desk.registry.collect()
        for sample in family.samples
        for name in sample.labels
    }
    allowed = {"kind", "reason", "outcome", "content", "part", "le", "version", "python"}
    assert labels - allowed == {"generation"}
    assert UserID.__name__ not in desk.text()


def test_promtool_finds_nothing_to_complain_about() -> None:
    """Prometheus' own check of names, types and help."""
    checked = subprocess.run(
        [program("promtool"), "check", "metrics"],
        input=Desk().text(),
        text=True,
        capture_output=True,
        check=False,
    )
    assert (checked.returncode, checked.stdout + checked.stderr) == (0, "")
