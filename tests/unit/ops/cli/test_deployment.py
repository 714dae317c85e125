"""Which deployment a command speaks to, in words that hold no secret."""

from __future__ import annotations

from typing import NoReturn

import pytest

from bus.settings import BusSettings
from ops.cli.command_line import Parsed
from ops.cli.deployment import deployment_of, say_if_by_default, without_secrets
from ops.cli.program import run_program
from ops.settings import Settings
from store.settings import StoreSettings


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("nats://127.0.0.1:4222", "nats://127.0.0.1:4222"),
        ("nats://token@host", "nats://host"),
        ("tls://u:p@host:4443/", "tls://host:4443"),
        ("wss://u:p%40x@host/path?a=b", "wss://host"),
        ("mongodb://u:p@one:1,two:2/db?authSource=admin", "mongodb://one:1,two:2"),
        ("mongodb+srv://u:p@cluster.example.com", "mongodb+srv://cluster.example.com"),
        ("mongodb://u:p@ss@host/", "mongodb://host"),
        ("mongodb://host/?tlsCertificateKeyFilePassword=secret", "mongodb://host"),
        ("nats://u:p/ss@host", "nats://…"),
        ("mongodb://u:p?ss@host/db", "mongodb://…"),
    ],
)
def test_an_address_is_shown_without_what_is_secret_in_it(url: str, shown: str) -> None:
    """Rather without the hosts than with a piece of a password."""
    assert without_secrets(url) == shown


def settings() -> Settings:
    """Return those of a deployment with passwords."""
    return Settings(
        bus=BusSettings(urls=("nats://u:secret@one:4222", "nats://u:secret@two:4222")),
        store=StoreSettings("mongodb://u:secret@three/?tls=true", "alarms"),
    )


def test_what_is_changed_is_named_by_all_that_tells_it_from_another() -> None:
    """Two deployments may share NATS or MongoDB."""
    named = deployment_of(settings(), "ALARM_INPUT")
    assert named == (
        "database alarms at mongodb://three, stream ALARM_INPUT at nats://one:4222, nats://two:4222"
    )
    assert deployment_of(settings(), None).endswith(", NATS at nats://one:4222, nats://two:4222")


def said(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    command: str,
    *given: str,
    terminal: bool = True,
) -> str:
    """Return what is said before a command, where these settings were given."""
    monkeypatch.setattr("sys.stderr.isatty", lambda: terminal)
    say_if_by_default(Parsed(Settings(), frozenset(given)), command)
    captured = capsys.readouterr()
    assert captured.out == ""
    return captured.err


def test_whoever_has_said_no_address_is_told_the_usual_ones(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another deployment may have them: its history would be taken for one's own."""
    line = said(capsys, monkeypatch, "history")
    assert line == (
        "by default: NATS at nats://127.0.0.1:4222 (NATS_URL), database alarm_digest at "
        "mongodb://127.0.0.1:27017 (MONGODB_URI)\n"
    )
    line = said(capsys, monkeypatch, "history", "NATS_URL")
    assert line.startswith("by default: database alarm_digest at ")
    assert "MONGODB" not in said(capsys, monkeypatch, "send")


@pytest.mark.parametrize(
    ("command", "given", "terminal"),
    [
        ("history", ("NATS_URL", "MONGODB_URI"), True),
        ("send", ("NATS_URL",), True),
        ("demo", (), True),
        ("history", (), False),
    ],
)
def test_nothing_is_said_where_somebody_has_or_no_one_reads_it(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    command: str,
    given: tuple[str, ...],
    *,
    terminal: bool,
) -> None:
    """What a script collects from standard error stays as it was."""
    assert said(capsys, monkeypatch, command, *given, terminal=terminal) == ""


def test_help_speaks_to_nobody(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is asked for before one knows what to set."""

    def serve(*_: object) -> NoReturn:
        raise AssertionError

    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    assert run_program(["history", "--help"], serve) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    assert captured.out.startswith("Usage: ")
