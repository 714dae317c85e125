"""Nothing that is printed commands a terminal, and nothing is lost to machines."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from ops.cli.terminal import print_facts, print_json, print_table
from ops.safe_text import safe_text

if TYPE_CHECKING:
    import pytest

HOSTILE = "\x1b[31m\r\n\x9b2J\x7f\u202egnp\u2066 [red]x[/red] :fire: 🔥"
TAME = "\\x1b[31m\\x0d\\x0a\\x9b2J\\x7f\\u202egnp\\u2066 [red]x[/red] :fire: 🔥"


def test_a_table_shows_cells_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    """No markup, no emoji by name, no line broken where nobody looks."""
    print_table(("ID",), [(HOSTILE,), (None,), (5,), ("x" * 900,)])
    lines = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
    assert lines == ["ID", TAME, "", "5", "x" * 900]


def test_a_table_of_nothing_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    """A head alone leaves one wondering; and it is no data."""
    print_table(("ID",), [], none="no ids are known")
    assert capsys.readouterr() == ("", "no ids are known\n")


def test_facts_that_are_none_are_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    """And what is 0 is not."""
    print_facts([("one", 0), ("two", None), ("three", HOSTILE)])
    lines = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
    assert lines == ["one    0", f"three  {TAME}"]


def test_json_is_printed_on_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    """Bytes for machines, and still safe to look at."""
    print_json({"id": HOSTILE})
    (line,) = capsys.readouterr().out.splitlines()
    assert json.loads(line) == {"id": HOSTILE}
    assert line == safe_text(line)
