"""The console: its page reads what the service sends, and its document says what it takes."""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING, Any

import pytest

from ops.dead_letters.fields import LetterLine
from ops.homes.members import Member
from ops.users.known import LOADS_AT_ONCE
from ops.users.report import AlarmReport, UserLine, UserReport
from ops.web.console.user_routes import WORKING_MAX
from ops.web.gate import ACT_WITHIN_S, AT_ONCE_MAX, READ_WITHIN_S
from ops.web.server import MAX_CONNECTIONS
from tests.service import ROOT
from tests.unit.ops.monitoring.test_health import Desk

if TYPE_CHECKING:
    from collections.abc import Iterator

STATIC = ROOT / "ops" / "web" / "static"
PAGE = ROOT / "docs" / "operations" / "console.md"


@pytest.mark.parametrize(
    ("script", "name", "kind"),
    [
        ("users.js", "line", UserLine),
        ("user.js", "report", UserReport),
        ("user.js", "alarm", AlarmReport),
        ("members.js", "member", Member),
        ("letters.js", "letter", LetterLine),
    ],
)
def test_the_page_reads_fields_that_are_sent(script: str, name: str, kind: Any) -> None:
    """A field that is renamed would show as nothing: no type checker sees both sides."""
    read = set(re.findall(rf"\b{name}\.(\w+)", (STATIC / script).read_text()))
    assert read
    assert read <= {field.name for field in dataclasses.fields(kind)}


def _at_top(text: str) -> Iterator[str]:
    """Yield the elements of what stands between the brackets of a list in JavaScript."""
    depth, begin = 0, 0
    for at, letter in enumerate(text):
        depth += (letter in "([{") - (letter in ")]}")
        if letter == "," and not depth:
            yield text[begin:at].strip()
            begin = at + 1
    if text[begin:].strip():
        yield text[begin:].strip()


@pytest.mark.parametrize("script", ["users.js", "members.js", "letters.js"])
def test_a_row_has_a_cell_for_each_column(script: str) -> None:
    """Else what is below a head belongs to the next one."""
    text = (STATIC / script).read_text()
    columns = re.search(r"^const COLUMNS = \[\n(.*?)^\];", text, re.MULTILINE | re.DOTALL)
    cells = re.search(r"^function row.*?^  return \[\n(.*?)^  \];", text, re.MULTILINE | re.DOTALL)
    assert columns is not None
    assert cells is not None
    assert len([*_at_top(cells[1])]) == len([*_at_top(columns[1])]) > 1


def test_every_check_has_words_for_people() -> None:
    """Who does not know the code is told nothing by "phase ok"."""
    known = re.search(
        r"^const CHECKS = \{\n(.*?)^\};", (STATIC / "text.js").read_text(), re.MULTILINE | re.DOTALL
    )
    assert known is not None
    labels = {
        quoted or plain
        for quoted, plain in re.findall(r'^  (?:"(.+?)"|(\w+)): ', known[1], re.MULTILINE)
    }
    assert labels == Desk().health.ready().checks.keys()


def test_the_document_says_what_the_console_takes() -> None:
    """Whoever bounds requests otherwise says so to those who run it."""
    costs = " ".join(PAGE.read_text().partition("## What it costs")[2].partition("##")[0].split())
    assert (
        f"{MAX_CONNECTIONS} connections, {AT_ONCE_MAX} requests at a time (then status 503), an "
        f"end to each after {READ_WITHIN_S:g} seconds ({ACT_WITHIN_S:g} for replay and drop), "
        f"{WORKING_MAX} threads, of which {LOADS_AT_ONCE} may wait for MongoDB"
    ) in costs
