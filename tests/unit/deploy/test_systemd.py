"""The systemd template unit: held to the service, and to systemd's own check."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from ops.cli.command_line import EXIT_SETTINGS
from ops.cli.options import options_of
from ops.monitoring.pulse import INTERVAL_S
from ops.settings import Settings
from ops.web.settings import HttpSettings
from tests.programs import program
from tests.service import ROOT

if TYPE_CHECKING:
    from pathlib import Path

UNIT = ROOT / "deploy" / "systemd" / "alarm-digest@.service"
OPTIONS = {option.name: option for option in options_of(Settings)}


def _lines() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in UNIT.read_text().splitlines():
        if "=" in line and not line.startswith("#"):
            key, _, value = line.partition("=")
            found.setdefault(key, []).append(value)
    return found


def test_readiness_and_life_are_what_the_service_tells() -> None:
    """The watchdog has time for several turns of the pulse."""
    lines = _lines()
    assert lines["Type"] == ["notify"]
    assert float(lines["WatchdogSec"][0]) > 3 * INTERVAL_S
    assert lines["TimeoutStartSec"] == ["infinity"]


def test_it_is_restarted_except_after_a_wrong_setting() -> None:
    """And as often as it takes."""
    lines = _lines()
    assert lines["Restart"] == ["always"]
    assert lines["RestartPreventExitStatus"] == [str(EXIT_SETTINGS)]
    assert lines["StartLimitIntervalSec"] == ["0"]


def test_an_orderly_stop_is_given_more_time_than_it_may_take() -> None:
    """Else systemd kills what is about to end well."""
    timeout = OPTIONS["SHUTDOWN_TIMEOUT"].default
    assert isinstance(timeout, float)
    assert float(_lines()["TimeoutStopSec"][0]) >= timeout + 5


def test_every_setting_in_the_unit_is_one_of_the_service() -> None:
    """A name that the code has renamed would be ignored in silence."""
    names = {value.partition("=")[0] for value in _lines()["Environment"]}
    assert names <= OPTIONS.keys()


def test_each_instance_has_the_port_that_it_is_named_by() -> None:
    """On loopback; and the comment starts such that the settings take."""
    address = dict(line.split("=", 1) for line in _lines()["Environment"])["HTTP_ADDRESS"]
    assert HttpSettings(address.replace("%i", "8081")).port == 8081
    assert HttpSettings(address.replace("%i", "8081")).loopback
    assert "alarm-digest@8081" in UNIT.read_text()


@pytest.mark.parametrize(
    "line",
    [
        "DynamicUser=yes",
        "NoNewPrivileges=yes",
        "ProtectSystem=strict",
        "ProtectHome=yes",
        "PrivateTmp=yes",
        "CapabilityBoundingSet=",
        "SystemCallFilter=@system-service",
    ],
)
def test_it_may_do_little(line: str) -> None:
    """It opens connections, no more."""
    assert line in UNIT.read_text().splitlines()


def test_systemd_has_nothing_to_complain_about(tmp_path: Path) -> None:
    """With paths that are there."""
    unit = tmp_path / UNIT.name.replace("@", "@8080")
    text = UNIT.read_text().replace("/opt/alarm-digest/.venv/bin/python", sys.executable)
    unit.write_text(text.replace("/opt/alarm-digest", str(ROOT)))
    command = [program("systemd-analyze"), "verify", "--man=no", str(unit)]
    checked = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (checked.returncode, checked.stdout + checked.stderr) == (0, "")
