"""Options are made of the settings' own definitions, and slips of the pen are found."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from actors.settings import setting
from ops.cli.options import Option, build, misspelt, options_of


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
