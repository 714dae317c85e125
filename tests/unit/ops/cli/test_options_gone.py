"""Settings that are gone: told of, and no failure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from actors.errors import SettingsError
from actors.settings import setting
from ops.cli.command_line import Parsed, command_line, run
from ops.cli.options import GONE, gone, options_of

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class Few:
    """A program's settings."""

    lease_s: float = setting("LEASE", 3.0, "seconds")


def given(arguments: Sequence[str]) -> list[tuple[str, str]]:
    """Return what is gone of what a program was given."""
    seen: list[Parsed[Few]] = []

    def serve(parsed: Parsed[Few]) -> int:
        seen.append(parsed)
        return 0

    assert run(command_line(Few, "program", "", serve, ()), arguments) == 0
    return list(gone(seen[0].given))


@pytest.mark.parametrize("arguments", [["--ack-wait", "60"], ["--ack-wait=60s", "--lease", "4"]])
def test_a_flag_that_is_gone_is_named_with_what_took_its_place(arguments: list[str]) -> None:
    """Whatever its value, which nobody reads any more."""
    ((name, instead),) = given(arguments)
    assert name == "ACK_WAIT"
    assert instead.startswith("LEASE")


def test_so_is_a_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same text as for the flag."""
    monkeypatch.setenv("ACK_WAIT", "60")
    assert given([]) == [("ACK_WAIT", GONE["ACK_WAIT"])]


def test_who_gives_none_is_told_nothing() -> None:
    """As after the upgrade."""
    assert given(["--lease", "4"]) == []


def test_what_never_was_a_setting_is_still_refused() -> None:
    """A slip of the pen must not pass for an old setting."""
    with pytest.raises(SettingsError, match="--ack-wat"):
        given(["--ack-wat", "60"])


def test_no_setting_is_gone_and_there() -> None:
    """Else one of both would be ignored."""
    assert not {option.name for option in options_of(Few)} & GONE.keys()
