"""Options are made of the settings' own definitions, and slips of the pen are found."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from actors.errors import SettingsError
from actors.settings import setting
from ops.cli.command_line import Parsed, command_line, run
from ops.cli.options import GONE, Option, build, gone, misspelt, options_of

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class Inner:
    """Settings in settings."""

    names: tuple[str, ...] = setting("NAMES", ("a", "b"), "who")


@dataclass(frozen=True, slots=True)
class Outer:
    """One setting of each kind."""

    count: int | None = setting("MAX_COUNT", None, "how many")
    inner: Inner = field(default_factory=Inner)
    wanted: bool = setting(
        "WANTED", default=True, meaning="whether", choices={"on": True, "off": False}
    )


COUNT, NAMES, WANTED = options_of(Outer)


def test_each_setting_is_an_option_in_the_order_of_the_definitions() -> None:
    """Those of inner settings where these stand; None is no kind."""
    assert Option("MAX_COUNT", int, None, None, "how many") == COUNT
    assert (NAMES.kind, WANTED.kind) == (tuple, bool)
    assert (COUNT.flag, COUNT.default_text) == ("--max-count", "")


def test_defaults_and_choices_are_as_one_would_type_them() -> None:
    """And mean what the definition says."""
    assert (NAMES.default_text, WANTED.default_text) == ("a,b", "on")
    assert (WANTED.meant("off"), COUNT.meant(5)) == (False, 5)


def test_settings_are_built_of_values_by_name() -> None:
    """Inner ones too."""
    built = build(Outer, {"MAX_COUNT": 3, "NAMES": ("x",), "WANTED": False})
    assert built == Outer(3, Inner(("x",)), wanted=False)


@pytest.mark.parametrize(
    ("variable", "meant"),
    [
        ("MAX_COUNTS", ["MAX_COUNT"]),
        ("MAXCOUNT", ["MAX_COUNT"]),
        ("MIN_COUNT", []),
        ("MAX_COUNT", []),
    ],
)
def test_a_variable_that_is_nearly_a_setting_is_taken_for_a_slip(
    variable: str, meant: list[str]
) -> None:
    """What is far from all is somebody else's."""
    assert list(misspelt(Outer, [variable])) == [(variable, name) for name in meant]


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
