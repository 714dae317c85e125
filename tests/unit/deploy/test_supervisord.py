"""The supervisord program: held to the service, and tried under supervisord."""

from __future__ import annotations

import subprocess
import sys
import time
from configparser import RawConfigParser
from typing import TYPE_CHECKING

from ops.cli.command_line import EXIT_SETTINGS
from ops.cli.options import options_of
from ops.process.stopping import EXIT_OK
from ops.settings import Settings
from ops.web.settings import HttpSettings
from tests.service import ROOT

if TYPE_CHECKING:
    from pathlib import Path

FILE = ROOT / "deploy" / "supervisord" / "alarm-digest.conf"
NAME = "program:alarm-digest"
OPTIONS = {option.name: option for option in options_of(Settings)}


def _program() -> dict[str, str]:
    parser = RawConfigParser()
    parser.read(FILE)
    return dict(parser[NAME])


PORTS = range(
    int(_program()["numprocs_start"]),
    int(_program()["numprocs_start"]) + int(_program()["numprocs"]),
)


def test_every_setting_in_the_file_is_one_of_the_service() -> None:
    """A name that the code has renamed would be ignored in silence."""
    pairs = _program()["environment"].split(",")
    assert {pair.partition("=")[0] for pair in pairs} <= OPTIONS.keys()


def test_each_instance_has_a_name_a_port_and_a_log_of_its_own() -> None:
    """The number of a process is the port of its console, on loopback."""
    program, number = _program(), "%(process_num)d"
    pairs = dict(pair.split("=", 1) for pair in program["environment"].split(","))
    for port in PORTS:
        address = HttpSettings(pairs["HTTP_ADDRESS"].strip('"').replace(number, f"{port}"))
        assert (address.port, address.loopback) == (port, True)
    for key in ("process_name", "stderr_logfile"):
        assert number in program[key]


def test_an_orderly_stop_is_given_more_time_than_it_may_take() -> None:
    """Else supervisord kills what is about to end well."""
    timeout = OPTIONS["SHUTDOWN_TIMEOUT"].default
    assert isinstance(timeout, float)
    assert float(_program()["stopwaitsecs"]) >= timeout + 5


def test_it_is_restarted_except_after_a_stop_and_a_wrong_setting() -> None:
    """By the status, however soon it ends."""
    program = _program()
    assert program["exitcodes"] == f"{EXIT_OK},{EXIT_SETTINGS}"
    assert (program["autorestart"], program["startsecs"]) == ("unexpected", "0")


def test_supervisord_leaves_a_wrong_setting_alone(tmp_path: Path) -> None:
    """The file as it is, but for paths, user and one setting."""
    text = FILE.read_text().replace("/opt/alarm-digest/.venv/bin/python", sys.executable)
    text = text.replace("/opt/alarm-digest", str(ROOT)).replace("user=alarm-digest\n", "")
    text = text.replace("/var/log/supervisor", str(tmp_path))
    text = text.replace('LOG_FORMAT="json"', 'LOG_FORMAT="json",MAX_IN_FLIGHT="none"')
    configuration = tmp_path / "supervisord.conf"
    configuration.write_text(f"[supervisord]\nnodaemon=true\nuser=root\n{text}")
    log = tmp_path / "supervisord.log"
    options = ["-c", str(configuration), "-l", str(log), "-j", str(tmp_path / "pid")]
    command = [sys.executable, "-m", "supervisor.supervisord", *options]
    with subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as supervisord:
        try:
            for port in PORTS:
                _wait_for(log, f"exited: alarm-digest-{port}")
        finally:
            supervisord.terminate()
    said = log.read_text()
    for port in PORTS:
        assert f"exited: alarm-digest-{port} (exit status {EXIT_SETTINGS}; expected)" in said
        assert said.count(f"spawned: 'alarm-digest-{port}'") == 1
        assert "MAX_IN_FLIGHT" in (tmp_path / f"alarm-digest-{port}.log").read_text()


def _wait_for(log: Path, text: str) -> None:
    give_up_at_s = time.monotonic() + 30
    while not log.exists() or text not in log.read_text():
        assert time.monotonic() < give_up_at_s, log.read_text() if log.exists() else "no log"
        time.sleep(0.05)  # a log file can only be polled
