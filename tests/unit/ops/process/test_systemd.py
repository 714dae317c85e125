"""systemd's notification protocol, spoken to a socket of our own."""

from __future__ import annotations

import socket
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from ops.process.systemd import SystemdNotifier
from tests.doubles import logged

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PID = 4711


@contextmanager
def _listening(address: str) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(address)
        listener.settimeout(5)
        yield listener


def _told(listener: socket.socket) -> dict[str, str]:
    lines = listener.recv(1024).decode().splitlines()
    return dict(line.split("=", 1) for line in lines)


def test_readiness_life_and_stop_are_told(tmp_path: Path) -> None:
    """As sd_notify(3) has it."""
    address = str(tmp_path / "notify")
    with _listening(address) as listener:
        environment = {"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "30000000"}
        supervisor = SystemdNotifier(environment, PID)
        assert supervisor.watchdog_s == 30
        supervisor.ready()
        assert _told(listener)["READY"] == "1"
        supervisor.alive()
        assert _told(listener) == {"WATCHDOG": "1"}
        supervisor.stopping()
        assert _told(listener)["STOPPING"] == "1"


def test_an_abstract_socket_is_found() -> None:
    """Which is what containers are often given."""
    name = f"alarm-digest-test-{id(object())}"
    with _listening(f"\0{name}") as listener:
        SystemdNotifier({"NOTIFY_SOCKET": f"@{name}"}, PID).ready()
        assert _told(listener)["READY"] == "1"


@pytest.mark.parametrize(
    ("environment", "watchdog_s"),
    [
        ({}, 0.0),
        ({"WATCHDOG_USEC": "5000000", "WATCHDOG_PID": str(PID)}, 5.0),
        ({"WATCHDOG_USEC": "5000000", "WATCHDOG_PID": "1"}, 0.0),
    ],
)
def test_a_watchdog_that_is_not_ours_is_not_fed(
    environment: dict[str, str], watchdog_s: float, tmp_path: Path
) -> None:
    """The variables are inherited; the process id says whom they are for."""
    address = str(tmp_path / "notify")
    with _listening(address) as listener:
        supervisor = SystemdNotifier({**environment, "NOTIFY_SOCKET": address}, PID)
        assert supervisor.watchdog_s == watchdog_s
        supervisor.alive()
        supervisor.stopping()
        assert ("WATCHDOG" in _told(listener)) is bool(watchdog_s)


def test_without_a_supervisor_nobody_is_told(caplog: pytest.LogCaptureFixture) -> None:
    """In a terminal, under another supervisor."""
    supervisor = SystemdNotifier({}, PID)
    supervisor.ready()
    supervisor.alive()
    supervisor.stopping()
    assert logged(caplog.records, "ops.supervisor") == []


def test_a_supervisor_that_does_not_listen_is_no_reason_to_end(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The alarms go on."""
    SystemdNotifier({"NOTIFY_SOCKET": str(tmp_path / "nobody")}, PID).ready()
    assert logged(caplog.records, "ops.supervisor") == [("WARNING", "supervisor.not_told")]
