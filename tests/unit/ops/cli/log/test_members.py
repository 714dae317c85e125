"""Members as they are printed."""

from __future__ import annotations

import pytest

from ops.cli.log.members import COLUMNS, duration, row, sentences
from ops.homes.members import Member, Members, Move, State

A = Member(
    instance_id="id-a",
    name="host-a",
    state=State.UP,
    age_s=7_300,
    beat_age_s=0.3,
    beats=True,
    partitions=(0, 1, 2, 9),
    taken_per_s=1234.5,
    waiting=7,
    behind_s=0.25,
    version="1",
    address="x:1",
)
B = Member(
    instance_id="id-b",
    name="host-b",
    state=State.SILENT,
    age_s=5,
    beat_age_s=4.0,
    beats=False,
    partitions=(),
    taken_per_s=None,
    waiting=None,
    behind_s=None,
    version="1",
    address=None,
)


def test_an_instance_is_a_row() -> None:
    """What is not known is empty, and no zero."""
    assert dict(zip(COLUMNS, row(A), strict=True)) == {
        "NAME": "host-a",
        "STATE": "up",
        "UP FOR": "2 h",
        "LAST BEAT": "0.3 s ago",
        "PARTITIONS": "4: 0-2, 9",
        "MESSAGES/S": "1,234",
        "WAITING": "7",
        "BEHIND": "0.2 s",
        "VERSION": "1",
        "CONSOLE": "x:1",
        "INSTANCE": "id-a",
    }
    shown = dict(zip(COLUMNS, row(B), strict=True))
    assert (shown["LAST BEAT"], shown["PARTITIONS"]) == ("none in 4.0 s", "0")
    assert (shown["MESSAGES/S"], shown["WAITING"], shown["CONSOLE"]) == (None, None, None)


def test_what_moves_is_said_by_where_it_goes() -> None:
    """Many at a time, not each."""
    moving = (
        Move(3, "id-b", "id-a"),
        Move(4, "id-b", "id-a"),
        Move(9, None, "id-a"),
        Move(11, "gone", None),
    )
    assert list(sentences(Members((A, B), moving))) == [
        "1 of 2 instances at work",
        "partitions 3-4: at home at host-b, to be at home at host-a",
        "partition 9: nobody's, to be at home at host-a",
        "partition 11: at home at gone, and nobody is up to have it",
    ]


def test_nobody_is_said_to_be_nobody() -> None:
    """As before the first start, or on core NATS."""
    assert next(sentences(Members((), ()))).startswith("no instance is known")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (119, "119 s"), (120, "2 min"), (7_200, "2 h"), (172_800, "2 d")],
)
def test_a_duration_is_in_the_unit_that_one_would_use(seconds: int, text: str) -> None:
    """Whole ones."""
    assert duration(seconds) == text
