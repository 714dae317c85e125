"""The table of settings, and settings that other pages name, held to the code."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from ops.cli.options import GONE, Option, options_of
from ops.settings import Settings
from tests.service import ROOT

if TYPE_CHECKING:
    from pathlib import Path

OPERATIONS = ROOT / "docs" / "operations"
TABLE = OPERATIONS / "configuration.md"
PROSE = [ROOT / "README.md", *sorted(OPERATIONS.glob("*.md"))]


def table() -> str:
    """Return the table as the page has it when it is right."""
    rows = ["| name | default | meaning |", "|---|---|---|"]
    rows += [_row(option) for option in options_of(Settings)]
    return "\n".join(rows)


def _row(option: Option) -> str:
    cells = (f"`{option.name}`", option.default_text, _meaning(option))
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _meaning(option: Option) -> str:
    """Return the meaning, with the words to choose from where it does not name them."""
    words = list(option.choices or ())
    unnamed = any(word not in option.meaning for word in words)
    return f"{option.meaning}: {' or '.join(words)}" if unnamed else option.meaning


def test_the_table_of_settings_is_what_the_code_says() -> None:
    """On a difference, copy what ``table()`` returns between the two markers."""
    between = re.findall(
        r"^<!-- settings -->\n(.*?)^<!-- /settings -->$",
        TABLE.read_text(),
        re.MULTILINE | re.DOTALL,
    )
    assert between == [f"{table()}\n"]


@pytest.mark.parametrize("page", PROSE, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_setting_that_a_page_names_exists(page: Path) -> None:
    """Upper case in code marks, beyond the names of streams and OpenTelemetry's own variables.

    What is gone is named where it is said what took its place, and nowhere else.
    """
    names = {option.name for option in options_of(Settings)}
    if page.name == "upgrades.md":
        names |= GONE.keys()
    values = {option.default_text for option in options_of(Settings)} | {"ALARM_INPUT_LOG"}
    named = {
        word.partition("=")[0]
        for word in re.findall(r"`([A-Z]+_[A-Z_]+(?:=[^`]*)?)`", page.read_text())
    }
    assert {name for name in named - values - names if not name.startswith("OTEL_")} == set()
