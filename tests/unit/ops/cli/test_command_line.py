"""The command line: which source of a setting wins, and how each end becomes an exit status."""

from __future__ import annotations

import errno
from dataclasses import dataclass, field

import click
import pytest

from actors.errors import SettingsError
from actors.settings import require, setting
from ops.cli.command_line import (
    EXIT_NOT_FOUND,
    EXIT_SETTINGS,
    EXIT_UNREAD,
    Parsed,
    command_line,
    run,
)
from ops.cli.failures import CommandError, NotFoundError
from ops.process.streams import OutputError
from ops.version import VERSION


@dataclass(frozen=True, slots=True)
class Inner:
    """Settings in settings."""

    urls: tuple[str, ...] = setting("URLS", ("a", "b"), "where")
    mode: bool = setting("MODE", default=False, meaning="how", choices={"on": True, "off": False})


@dataclass(frozen=True, slots=True)
class Outer:
    """What the program of these tests can be set to."""

    inner: Inner = field(default_factory=Inner)
    seconds: float = setting("SECONDS", 2.5, "how long")
    file: str | None = setting("A_FILE", None, "which")
    loud: bool = setting("LOUD", default=False, meaning="whether")

    def __post_init__(self) -> None:
        """Raise ``SettingsError`` for no time."""
        require(self.seconds > 0, "SECONDS", "must be above 0")


class Program:
    """A program that notes what it was called with."""

    def __init__(self) -> None:
        """Nothing yet."""
        self.served: list[Parsed[Outer]] = []
        self.commanded: list[Parsed[Outer]] = []
        self.begun: list[str] = []
        self.error: Exception | None = None
        commands = [self._command(), click.Group("several", help="Does things.")]
        self.group = command_line(Outer, "prog", "Summary.", self._serve, commands, self._begin)

    def run(self, *arguments: str) -> int:
        """Run it; return its exit status."""
        return run(self.group, arguments)

    def _serve(self, parsed: Parsed[Outer]) -> int:
        self.served.append(parsed)
        return 5

    def _begin(self, _: Parsed[Outer], command: str) -> None:
        assert not self.commanded
        self.begun.append(command)

    def _command(self) -> click.Command:
        @click.command("act")
        @click.pass_obj
        def act(parsed: Parsed[Outer]) -> None:
            self.commanded.append(parsed)
            if self.error is not None:
                raise self.error

        return act


def test_without_anything_said_the_defaults_serve() -> None:
    """Nothing was given, and the service's status is the program's."""
    program = Program()
    assert program.run() == 5
    assert program.served == [Parsed(Outer(), frozenset())]
    assert program.begun == []


def test_a_flag_is_above_the_environment_and_that_above_the_default(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What was given is known, be it the default."""
    monkeypatch.setenv("SECONDS", "7")
    monkeypatch.setenv("A_FILE", "from-environment")
    monkeypatch.setenv("URLS", " x , ,y")
    program = Program()
    program.run("--seconds", "2.5", "--loud", "--mode", "ON")
    expected = Outer(Inner(("x", "y"), mode=True), 2.5, "from-environment", loud=True)
    given = {"SECONDS", "A_FILE", "URLS", "LOUD", "MODE"}
    assert program.served == [Parsed(expected, frozenset(given))]


def test_a_command_gets_the_settings_and_nothing_is_served() -> None:
    """They stand in front of it."""
    program = Program()
    assert program.run("--seconds", "1", "act") == 0
    assert (program.served, program.commanded[0].settings.seconds) == ([], 1)
    assert program.begun == ["act"]


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (CommandError("MongoDB\nis away"), 1, "prog: MongoDB is away\n"),
        (NotFoundError("no such user"), EXIT_NOT_FOUND, "prog: no such user\n"),
        (CommandError("\x1b[2J"), 1, "prog: \\x1b[2J\n"),
        (click.ClickException("no file"), 1, "prog: no file\n"),
        (click.Abort(), 1, ""),
        (
            OutputError(OSError(errno.ENOSPC, "No space left")),
            1,
            "prog: standard output: No space left\n",
        ),
        (OutputError(BrokenPipeError(errno.EPIPE, "Broken pipe")), EXIT_UNREAD, ""),
    ],
)
def test_a_failure_is_one_line_and_a_status(
    error: Exception, status: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The status is a part of the answer; the line commands no terminal."""
    program = Program()
    program.error = error
    assert program.run("act") == status
    printed = capsys.readouterr()
    assert (printed.out, printed.err) == ("", said)


@pytest.mark.parametrize("arguments", [["--absent"], ["absent"], ["--seconds", "x"], ["act", "x"]])
def test_a_wrong_command_line_is_a_wrong_setting(arguments: list[str]) -> None:
    """In one line."""
    with pytest.raises(SettingsError) as refused:
        Program().run(*arguments)
    assert "\n" not in str(refused.value)


def test_a_value_that_cannot_work_is_told_by_its_name() -> None:
    """Before anything is done."""
    program = Program()
    with pytest.raises(SettingsError, match=r"^SECONDS: must be above 0$"):
        program.run("--seconds", "0")
    assert program.served == []


def test_help_shows_each_setting_with_its_default(capsys: pytest.CaptureFixture[str]) -> None:
    """By flag and variable; none where there is none."""
    assert Program().run("--help") == 0
    shown = " ".join(capsys.readouterr().out.split())
    for words in ("--urls TEXT", "env var: URLS; default: a,b", "default: off", "env var: A_FILE]"):
        assert words in shown


def test_a_group_alone_shows_its_help(capsys: pytest.CaptureFixture[str]) -> None:
    """As lines, and nothing was done: the status is that of a wrong command line."""
    assert Program().run("several") == EXIT_SETTINGS
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("Usage: prog several [OPTIONS] COMMAND [ARGS]...\n\n  Does thi")


def test_what_is_not_utf_8_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """An argument by its place: it may be a secret."""
    with pytest.raises(SettingsError, match=r"^argument 2: is not UTF-8$"):
        Program().run("--a-file", "x\udcff")
    for name in ("A_FILE", "URLS"):
        with monkeypatch.context() as changed:
            changed.setenv(name, "x\udcff")
            with pytest.raises(SettingsError, match=rf"^{name}: is not UTF-8$"):
                Program().run()


def test_the_version_is_the_package_and_its_number(capsys: pytest.CaptureFixture[str]) -> None:
    """Of whatever name it was called by; no setting is looked at."""
    assert Program().run("--version", "--seconds", "0") == 0
    assert capsys.readouterr().out == f"alarm-digest {VERSION}\n"
