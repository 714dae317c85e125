"""Serving with servers of its own: which are started, and what is said of them."""

from __future__ import annotations

import socket
import subprocess
import sys
from typing import TYPE_CHECKING, cast

import pytest

from actors.errors import SettingsError
from bus.settings import BusSettings
from ops.cli.command_line import Parsed
from ops.cli.serving import join_embedded, start_embedded
from ops.process.embedded import ServerURLs
from ops.settings import Settings
from ops.web.settings import HttpSettings, parse_address
from tests.service import ROOT

if TYPE_CHECKING:
    from pathlib import Path

    from ops.process.embedded import EmbeddedServers, JoinedServers


class Servers:
    """Starts nothing, and says where it would be."""

    def start_mongodb(self, binary: str | None) -> str:
        """See ``EmbeddedServers``."""
        del binary
        return "mongodb://127.0.0.1:1"

    def start_nats(self, binary: str | None) -> str:
        """See ``EmbeddedServers``."""
        del binary
        return "nats://127.0.0.1:2"

    def announce(self) -> None:
        """See ``EmbeddedServers``."""


def started(settings: Settings, *given: str) -> Settings:
    """Start what is not given; return the settings that use it."""
    servers = cast("EmbeddedServers", Servers())
    return start_embedded(Parsed(settings, frozenset(given)), servers)


def test_both_are_started_and_used_and_how_to_try_them_is_shown(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """As lines to copy."""
    settings = started(Settings())
    assert settings.store.uri == "mongodb://127.0.0.1:1"
    assert settings.bus.urls == ("nats://127.0.0.1:2",)
    printed = capsys.readouterr().out
    assert (
        "  export NATS_URL=nats://127.0.0.1:2\n  export MONGODB_URI=mongodb://127.0.0.1:1\n"
        in printed
    )
    assert '"AlarmID": "{{ID}}"' in printed
    assert f"http://{settings.http.address}/" in printed


@pytest.mark.parametrize("name", ["NATS_URL", "MONGODB_URI"])
def test_a_server_that_is_given_is_used_and_said_to_be(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """It may have been set in this terminal for something else, and forgotten."""
    known = Settings()
    settings = started(known, name)
    kept = settings.bus == known.bus if name == "NATS_URL" else settings.store == known.store
    assert kept
    printed = capsys.readouterr().out
    assert f"{name} is set: that server is used, none is started" in printed
    assert ("export NATS_URL" in printed) is (name != "NATS_URL")


@pytest.mark.parametrize("address", ["off", "127.0.0.1:0"])
def test_an_address_that_nobody_could_open_is_not_shown(
    address: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """With port 0 it is not known yet."""
    started(Settings(bus=BusSettings(), http=HttpSettings(address)), "HTTP_ADDRESS")
    assert "Console" not in capsys.readouterr().out


def test_the_console_goes_to_a_free_port_where_another_has_ours() -> None:
    """A second ``make run`` has one too; an address that is set is left as it is."""
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            other.bind(("127.0.0.1", 8080))
            other.listen()
        except OSError:
            pass  # somebody else on this machine has it, which is as good
        found = parse_address(started(Settings()).http.address)
        assert started(Settings(), "HTTP_ADDRESS").http == HttpSettings()
    assert found is not None
    assert found.host == "127.0.0.1"
    assert found.port not in {0, 8080}


class Joined:
    """Servers of another process."""

    def __init__(self, urls: ServerURLs) -> None:
        """Say that they listen there."""
        self._urls = urls

    def urls(self) -> ServerURLs:
        """See ``JoinedServers``."""
        return self._urls


def joined(urls: ServerURLs, *given: str) -> Settings:
    """Join another process's servers; return the settings that use them."""
    servers = cast("JoinedServers", Joined(urls))
    return join_embedded(Parsed(Settings(), frozenset(given)), servers)


def test_who_joins_uses_the_servers_of_the_one_that_runs() -> None:
    """Both of them."""
    settings = joined(ServerURLs("nats://127.0.0.1:2", "mongodb://127.0.0.1:1"))
    assert settings.bus.urls == ("nats://127.0.0.1:2",)
    assert settings.store.uri == "mongodb://127.0.0.1:1"


def test_who_joins_is_told_how_to_reach_the_service(capsys: pytest.CaptureFixture[str]) -> None:
    """As whoever started it was; what was given is not shown, for it may hold a password."""
    joined(ServerURLs(None, "mongodb://127.0.0.1:1"), "NATS_URL")
    printed = capsys.readouterr().out
    assert "  # NATS_URL as it is set here\n  export MONGODB_URI=mongodb://127.0.0.1:1\n" in printed
    assert "Ctrl-C ends this instance" in printed


@pytest.mark.parametrize(("mode", "words"), [(0o644, 2), (0o755, 1)])
def test_what_is_to_type_next_is_how_the_program_was_called(
    mode: int,
    words: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """By an interpreter, or by itself where it is installed; from the folder that one stands in."""
    called = tmp_path / "program"
    called.touch(mode)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", [str(called)])
    started(Settings())
    line = next(line for line in capsys.readouterr().out.splitlines() if line.endswith(" watch"))
    assert line.split()[:-1] == [sys.executable, "program"][-words:]


def test_a_program_on_path_is_called_by_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Wherever one stands."""
    called = tmp_path / "program"
    called.touch(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "argv", [str(called)])
    started(Settings())
    assert "\n  program watch\n" in capsys.readouterr().out


def test_make_setup_shows_what_it_does() -> None:
    """For most of a minute it said nothing."""
    command = ["make", "--no-print-directory", "--dry-run", "--what-if=setup.cfg", "setup"]
    said = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    assert said.startswith("echo 'setup: ")
    (large,) = (line for line in said.splitlines() if "[embedded,dev]" in line)
    assert "--quiet" not in large


def test_who_joins_must_be_given_what_the_one_that_runs_was_given() -> None:
    """It is not written down: it may hold a password. What is given wins."""
    urls = ServerURLs(nats=None, mongodb="mongodb://127.0.0.1:1")
    with pytest.raises(SettingsError, match=r"^NATS_URL: .*set the same here$"):
        joined(urls)
    known = Settings()
    assert joined(urls, "NATS_URL").bus == known.bus
    assert joined(urls, "NATS_URL", "MONGODB_URI").store == known.store


@pytest.mark.parametrize(
    ("argument", "flag"), [("JOIN=", "--embedded"), ("JOIN=1", "--embedded-join")]
)
def test_make_run_starts_servers_or_joins_those_that_run(argument: str, flag: str) -> None:
    """As the message says that names it."""
    command = ["make", "--dry-run", "--silent", "run", argument]
    said = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    assert said.splitlines()[-1].endswith(f"main.py {flag}")
