"""Printing dead letters: one, many, how many of which reason, and what was done to one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ops.cli.terminal import print_facts, print_json, print_table
from ops.dead_letters.fields import to_fields

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

    from bus.dead_letters.stored import DeadLetter

_PREVIEW_CHARS = 60


def print_letter(letter: DeadLetter, *, as_json: bool) -> None:
    """Print all of one letter."""
    fields = to_fields(letter)
    if as_json:
        print_json(fields)
    else:
        print_facts((name.replace("_", " "), value) for name, value in fields.items())


def print_letters(letters: Iterable[DeadLetter], none: str, *, as_json: bool) -> None:
    """Print many, one a line; ``none`` is said where there is none."""
    if as_json:
        for letter in letters:
            print_json(to_fields(letter))
        return
    print_table(
        ("SEQUENCE", "TIME", "SUBJECT", "BYTES", "REASON", "BODY"),
        (
            (
                letter.sequence,
                letter.time,
                letter.subject,
                len(letter.body),
                _reason(letter),
                letter.body[:_PREVIEW_CHARS].decode(errors="replace"),
            )
            for letter in letters
        ),
        none,
    )


def _reason(letter: DeadLetter) -> str:
    cut = "" if letter.cut_from is None else f" (cut from {letter.cut_from} bytes)"
    return letter.reason + cut


async def print_by_reason(letters: AsyncIterator[DeadLetter], none: str, *, as_json: bool) -> None:
    """Count them by reason, the most frequent first; ``none`` is said where there is none."""
    tally: dict[str, tuple[int, int]] = {}
    async for letter in letters:
        count, _ = tally.get(letter.reason, (0, 0))
        tally[letter.reason] = (count + 1, letter.sequence)
    rows = sorted(tally.items(), key=lambda item: (-item[1][0], item[0]))
    if as_json:
        for reason, (count, newest) in rows:
            print_json({"reason": reason, "letters": count, "newest": newest})
        return
    print_table(
        ("LETTERS", "NEWEST", "REASON"),
        ((count, newest, reason) for reason, (count, newest) in rows),
        none,
    )


def print_done(done: str, letter: DeadLetter, target: str | None, as_json: bool) -> None:
    """Say what was done to a letter."""
    if as_json:
        print_json({"sequence": letter.sequence, "done": done, "subject": target})
    else:
        where = "" if target is None else f" to {target}"
        print_facts([(f"{letter.sequence}", f"{done}{where}")])
