"""The program: help shows examples that are command lines; a wrong setting has its own end."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING, NoReturn

import click
import pytest
from click.testing import CliRunner

from ops.cli.command_line import EXIT_SETTINGS
from ops.cli.program import COMMANDS, run_program

if TYPE_CHECKING:
    from collections.abc import Iterator


def leaves(command: click.Command, words: tuple[str, ...]) -> Iterator[tuple[str, click.Command]]:
    """Yield the commands that do something, by the words that call them."""
    if isinstance(command, click.Group):
        for name, inner in command.commands.items():
            yield from leaves(inner, (*words, name))
    else:
        yield " ".join(words), command


ALL = dict(leaf for command in COMMANDS for leaf in leaves(command, (str(command.name),)))


@pytest.mark.parametrize("words", ALL)
def test_help_shows_examples_a_line_each(words: str) -> None:
    """As one would type them, not wrapped into a paragraph."""
    shown = CliRunner().invoke(ALL[words], ["--help"]).output
    examples = shown.partition("Examples:\n")[2].splitlines()
    assert examples
    assert all(line.strip().startswith(f"main.py {words}") for line in examples)
    assert "\\b" not in shown


@pytest.mark.parametrize("words", ALL)
def test_each_example_is_a_command_line(words: str) -> None:
    """With the options and arguments that there are; what follows in the shell is the shell's."""
    shown = CliRunner().invoke(ALL[words], ["--help"]).output
    for line in shown.partition("Examples:\n")[2].splitlines():
        typed = re.split(r" [|>] ", line)[0]
        arguments = shlex.split(typed)[1 + len(words.split()) :]
        ALL[words].make_context(words, arguments)  # raises for what cannot be parsed


def test_a_wrong_setting_is_one_line_and_its_own_status(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A restart does not cure it, and a supervisor can tell; nothing is served."""
    monkeypatch.setenv("MAX_ATTEMPTS", "0")

    def never(*_: object) -> NoReturn:
        raise AssertionError

    assert run_program([], never) == EXIT_SETTINGS
    assert capsys.readouterr().err == "main.py: MAX_ATTEMPTS: must be at least 1\n"
