"""Dead letters as they are printed."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

from ops.cli.commands.letter_tables import (
    print_by_reason,
    print_done,
    print_letter,
    print_letters,
)
from tests.unit.ops.dead_letters.letters import BINARY, CUT, LETTER, StoredLetters

if TYPE_CHECKING:
    import pytest


def test_one_letter_is_shown_whole(capsys: pytest.CaptureFixture[str]) -> None:
    """Names as words for people."""
    print_letter(LETTER, as_json=False)
    lines = [line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines()]
    assert ["reason", "the body is not JSON"] in [[cell.strip() for cell in line] for line in lines]
    print_letter(BINARY, as_json=True)
    assert json.loads(capsys.readouterr().out)["body_base64"] == "/w=="


def test_many_are_a_line_each_with_the_beginning_of_their_body(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A letter that lacks parts says so."""
    print_letters([replace(LETTER, body=b"y" * 200), CUT], "none", as_json=False)
    head, first, torn = capsys.readouterr().out.splitlines()
    assert head.split() == ["SEQUENCE", "TIME", "SUBJECT", "BYTES", "REASON", "BODY"]
    assert first.count("y") == 60 + LETTER.reason.count("y")
    assert "(cut from 2000 bytes)" in torn
    print_letters([LETTER, CUT], "none", as_json=True)
    shown = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [letter["sequence"] for letter in shown] == [7, 9]


async def test_reasons_are_counted_the_most_frequent_first(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """With the newest letter of each."""
    other = replace(LETTER, sequence=10, reason="a crash")
    held = StoredLetters([other, LETTER, BINARY])
    await print_by_reason(held.letters.read("DEAD"), "none", as_json=True)
    shown = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert shown == [
        {"reason": LETTER.reason, "letters": 2, "newest": 8},
        {"reason": "a crash", "letters": 1, "newest": 10},
    ]


def test_what_was_done_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    """And where it went."""
    print_done("replayed", LETTER, "elsewhere", as_json=False)
    print_done("dropped", LETTER, None, as_json=False)
    print_done("dropped", LETTER, None, as_json=True)
    one, two, three = capsys.readouterr().out.splitlines()
    assert one.split() == ["7", "replayed", "to", "elsewhere"]
    assert two.split() == ["7", "dropped"]
    assert json.loads(three) == {"sequence": 7, "done": "dropped", "subject": None}
