"""Which positions are saved."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actors.homes.positions import StoredPositions
from actors.rules.holding import Freed, Held, Leaving
from actors.rules.partitions import HomePosition, InstanceID, Partition
from actors.rules.positions import BEGIN, Place

if TYPE_CHECKING:
    from actors.rules.holding import State

ME = InstanceID("me")
MOVED = Place(9, 90)
MINE: dict[int, State] = {0: Held(5), 1: Held(6), 2: Leaving(7, 1.0)}
POSITIONS = {0: MOVED, 1: BEGIN, 2: MOVED}
SAVED = (HomePosition(0, 5, MOVED), HomePosition(2, 7, MOVED))


def stored() -> StoredPositions:
    """Return what the store had at a look: four partitions that nobody has read of."""
    positions = StoredPositions()
    positions.look(Partition(number, ME, 5, BEGIN) for number in range(4))
    return positions


def test_what_has_moved_is_saved() -> None:
    """At the epoch of its home; what leaves as well."""
    assert stored().to_save(MINE, POSITIONS) == SAVED


def test_what_is_freed_or_has_to_be_lowered_is_not_saved() -> None:
    """A save that is late could raise what was lowered."""
    mine: dict[int, State] = {0: Freed(5, BEGIN), 1: Held(5, fell=BEGIN), 2: Held(5), 3: Held(5)}
    saved = stored().to_save(mine, {0: MOVED, 1: MOVED, 2: MOVED})
    assert saved == (HomePosition(2, 5, MOVED),)


def test_one_save_is_under_way_at_a_time() -> None:
    """A slow store is not asked more and more."""
    positions = stored()
    assert positions.to_save(MINE, POSITIONS) == SAVED
    assert positions.to_save(MINE, POSITIONS) == ()
    positions.end(saved=False)
    assert positions.to_save(MINE, POSITIONS) == SAVED


def test_what_is_saved_is_not_saved_again() -> None:
    """Until it moves on."""
    positions = stored()
    positions.to_save(MINE, POSITIONS)
    positions.end(saved=True)
    assert positions.to_save(MINE, POSITIONS) == ()
    onwards = {**POSITIONS, 1: Place(2, 20)}
    assert positions.to_save(MINE, onwards) == (HomePosition(1, 6, Place(2, 20)),)
