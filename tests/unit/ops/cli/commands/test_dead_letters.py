"""Which dead letters a command means, and that a slip of the pen changes nothing."""

from __future__ import annotations

import click
import pytest

from ops.cli.commands.dead_letters import Selection, _selected
from ops.cli.failures import NotFoundError
from tests.unit.ops.dead_letters.letters import StoredLetters


@pytest.mark.parametrize(
    "selection",
    [
        ((), False, None, None),
        ((1,), True, None, None),
        ((1,), False, "not JSON", None),
        ((1,), False, None, "AlarmStatusChanged"),
    ],
)
def test_letters_are_meant_by_name_or_by_filters(
    selection: tuple[tuple[int, ...], bool, str | None, str | None],
) -> None:
    """Never by both, and never all by saying nothing."""
    with pytest.raises(click.UsageError):
        Selection(*selection)


async def chosen(wanted: Selection) -> list[int]:
    """Return the places of the letters that are meant, of 7, 8 and 9."""
    stored = StoredLetters().letters
    return [letter.sequence async for letter in _selected(stored, "DEAD", wanted)]


async def test_those_named_are_taken_once_in_the_order_named() -> None:
    """Naming one twice must not act on it twice."""
    assert await chosen(Selection((9, 7, 9), every=False, reason=None, subject=None)) == [9, 7]


async def test_all_are_those_that_the_filters_leave() -> None:
    """Without any, all."""
    for reason, subject, left in (
        (None, None, [7, 8, 9]),
        ("not json", "AlarmStatusChanged", [7, 8, 9]),
        (None, "SendAlarmDigest", []),
    ):
        wanted = Selection((), every=True, reason=reason, subject=subject)
        assert await chosen(wanted) == left


async def test_one_that_is_not_there_spoils_all_before_the_first_is_touched() -> None:
    """The others may have been named by mistake as well."""
    wanted = Selection((7, 6), every=False, reason=None, subject=None)
    taken = _selected(StoredLetters().letters, "DEAD", wanted)
    with pytest.raises(NotFoundError, match="6"):
        await anext(taken)
