"""The README's table of settings, held to the code."""

from __future__ import annotations

import re
from pathlib import Path

from main import Settings
from ops.options import Option, options_of

README = Path(__file__).parents[2] / "README.md"


def table() -> str:
    """Return the table as the README has it when it is right."""
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
        README.read_text(),
        re.MULTILINE | re.DOTALL,
    )
    assert between == [f"{table()}\n"]


def test_every_other_setting_that_the_readme_names_exists() -> None:
    """Upper case in code marks, beyond the table and the names of streams."""
    names = {option.name for option in options_of(Settings)}
    values = {option.default_text for option in options_of(Settings)}
    prose = README.read_text().partition("## What is promised")[2]
    named = {word.partition("=")[0] for word in re.findall(r"`([A-Z]+_[A-Z_]+(?:=[^`]*)?)`", prose)}
    assert named - values <= names
