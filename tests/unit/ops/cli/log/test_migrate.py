"""What ``migrate`` says, and whom it takes for alive."""

from __future__ import annotations

import pytest

from actors.rules.partitions import HomesView, Instance, InstanceID
from actors.rules.positions import BEGIN, Place
from bus.migration.migration import Migrated
from ops.cli.log.migrate import still_at_work, to_fields, to_lines


def view(**beats: int) -> HomesView:
    """Return instances with these beats."""
    return HomesView(
        tuple(
            Instance(
                InstanceID(name),
                name,
                beat,
                leaving=False,
                reading=True,
                schema=2,
                address=None,
                version="1",
                started_at_s=0,
            )
            for name, beat in beats.items()
        ),
        (),
    )


@pytest.mark.parametrize(
    ("before", "after", "names"),
    [
        (view(), view(), []),
        (view(a=1), view(a=1), []),
        (view(a=1), view(), []),
        (view(a=1), view(a=2), ["a"]),
        (view(b=1, a=1), view(b=2, a=3), ["a", "b"]),
        (view(a=1), view(a=1, new=1), ["new"]),
    ],
)
def test_whoever_beats_between_two_looks_is_at_work(
    before: HomesView, after: HomesView, names: list[str]
) -> None:
    """One that was killed leaves a beat that stands; one that has come is at work."""
    assert still_at_work(before, after) == names


@pytest.mark.parametrize(
    ("migrated", "says"),
    [
        (Migrated(None), ["nothing to migrate", "creates it"]),
        (Migrated("S"), ["nothing to migrate: S is read as a log"]),
        (
            Migrated("S_LOG", 3, "S", uncaptured_s=0.0042),
            [
                "3 messages moved",
                "S and its consumer are deleted",
                "for 4 ms",
                "INPUT_STREAM to S_",
            ],
        ),
        (Migrated("S_LOG", 3, "S", foreign=2), ["S stays: 2 messages"]),
        (Migrated("S", position=Place(6, 1, "x")), ["read on from sequence 7"]),
        (Migrated("S", position=BEGIN), ["read on from sequence 1"]),
    ],
)
def test_it_says_what_it_did_and_what_to_do(migrated: Migrated, says: list[str]) -> None:
    """In lines a person reads; the loss that may be, too."""
    text = "\n".join(to_lines(migrated, "S"))
    for part in says:
        assert part in text
    assert ("is lost" in text) == (migrated.uncaptured_s is not None)
    assert to_fields(migrated)["stream"] == migrated.stream


def test_a_name_that_is_set_already_need_not_be_set() -> None:
    """As with ``--into`` and the setting alike."""
    text = "\n".join(to_lines(Migrated("S_LOG", 3, "S"), "S_LOG"))
    assert "INPUT_STREAM" not in text
