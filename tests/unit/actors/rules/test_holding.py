"""What an instance has, and what a look at the store means for it."""

from __future__ import annotations

import pytest

from actors.rules.holding import (
    NOT_ASKED,
    Freed,
    Held,
    Leaving,
    Reconciled,
    State,
    empty,
    fall,
    held,
    lapse,
    leave,
    may_publish,
    reconcile,
)
from actors.rules.partitions import InstanceID, Partition
from actors.rules.positions import BEGIN, Place

ME, OTHER = InstanceID("me"), InstanceID("other")
PLACE, LOWER = Place(7, 70, "log"), Place(3, 30, "log")
LEAVING = Leaving(5, 99.0)
NOTHING: frozenset[int] = frozenset()


def see(
    state: State | None,
    home: InstanceID | None,
    epoch: int,
    position: Place = PLACE,
    *,
    leaving: bool = False,
) -> Reconciled:
    """Reconcile one partition."""
    mine = {} if state is None else {0: state}
    return reconcile(ME, mine, [Partition(0, home, epoch, position)], leaving=leaving)


@pytest.mark.parametrize("state", [Held(5), LEAVING, Freed(5, PLACE)])
def test_what_is_still_mine_stays_as_it_is(state: State) -> None:
    """Nothing comes, nothing goes."""
    assert see(state, ME, 5) == ({0: state}, (), NOTHING, NOTHING)


@pytest.mark.parametrize("state", [Held(5), LEAVING, Freed(5, PLACE)])
def test_an_epoch_that_rose_under_the_same_home_was_mine_to_raise(state: State) -> None:
    """To somebody else and back it would have risen by two."""
    assert see(state, ME, 6) == ({0: state._replace(epoch=6)}, (), NOTHING, NOTHING)


@pytest.mark.parametrize("state", [Held(5), LEAVING])
@pytest.mark.parametrize(("home", "epoch"), [(OTHER, 6), (None, 6), (OTHER, 7)])
def test_what_is_not_mine_any_more_is_lost(
    state: State, home: InstanceID | None, epoch: int
) -> None:
    """Its users are dropped."""
    assert see(state, home, epoch) == ({}, (), frozenset({0}), NOTHING)


@pytest.mark.parametrize("state", [Held(5), LEAVING])
def test_what_was_taken_away_for_a_moment_is_dropped_and_taken_up(state: State) -> None:
    """A rewind in between: it is read again from where it stands now."""
    gained = (Partition(0, ME, 7, PLACE),)
    assert see(state, ME, 7) == ({0: Held(7)}, gained, frozenset({0}), NOTHING)


def test_what_is_mine_and_unknown_is_taken_up() -> None:
    """The answer to its claim was lost."""
    assert see(None, ME, 5) == ({0: Held(5)}, (Partition(0, ME, 5, PLACE),), NOTHING, NOTHING)
    assert see(None, OTHER, 5) == see(None, None, 5) == ({}, (), NOTHING, NOTHING)


def test_whoever_leaves_frees_what_is_mine_and_unknown() -> None:
    """A claim that took effect late."""
    assert see(None, ME, 5, leaving=True) == ({0: Freed(5, PLACE)}, (), NOTHING, NOTHING)


@pytest.mark.parametrize("home", [None, OTHER])
def test_what_was_freed_is_handed_over_when_it_is_seen(home: InstanceID | None) -> None:
    """Somebody may have claimed it meanwhile."""
    assert see(Freed(5, PLACE), home, 6) == ({}, (), NOTHING, frozenset({0}))


def test_what_was_freed_and_claimed_again_is_taken_up() -> None:
    """At a later epoch than I freed it at."""
    gained = (Partition(0, ME, 7, PLACE),)
    assert see(Freed(5, PLACE), ME, 7) == ({0: Held(7)}, gained, NOTHING, frozenset({0}))


def test_a_fence_falls_when_the_epoch_rises_after_it_was_asked_for() -> None:
    """A rise that was asked for before the lapse may have come before a claim was decided."""
    assert see(Held(5, fence=NOT_ASKED), ME, 6).mine == {0: Held(6, fence=NOT_ASKED)}
    assert see(Held(5, fence=5), ME, 5).mine == {0: Held(5, fence=5)}
    assert see(Held(5, fence=5), ME, 6).mine == {0: Held(6)}


def test_a_position_has_fallen_when_the_store_shows_it_at_a_later_epoch() -> None:
    """At the same epoch a save of before could still land."""
    fallen = Held(5, fell=LOWER)
    assert see(fallen, ME, 5, LOWER).mine == {0: fallen}
    assert see(fallen, ME, 6, PLACE).mine == {0: fallen._replace(epoch=6)}
    assert see(fallen, ME, 6, LOWER).mine == {0: Held(6)}


def test_only_what_is_held_falls() -> None:
    """What leaves is freed at the place where it is; what is freed or foreign is no matter."""
    mine: dict[int, State] = {0: Held(5), 1: LEAVING, 2: Freed(5, PLACE)}
    fallen = fall(mine, dict.fromkeys(range(4), LOWER))
    assert fallen == {**mine, 0: Held(5, fell=LOWER)}


def test_a_lapse_fences_all_that_may_be_published() -> None:
    """And nothing else is fenced ever."""
    mine: dict[int, State] = {0: Held(5, fence=5), 1: LEAVING, 2: Freed(5, PLACE)}
    assert may_publish({1: LEAVING, 2: Freed(5, PLACE), 3: Held(5)})
    assert may_publish({})
    after = lapse(mine)
    assert after == {
        0: Held(5, fence=NOT_ASKED),
        1: LEAVING._replace(fence=NOT_ASKED),
        2: Freed(5, PLACE),
    }
    assert not may_publish({0: after[0]})
    assert not may_publish({1: after[1]})


def test_leaving_begins_to_hand_over_all_that_is_held() -> None:
    """What is on its way already goes on as it was."""
    mine: dict[int, State] = {0: Held(5, fence=5), 1: LEAVING, 2: Freed(5, PLACE)}
    assert leave(mine, 7.0) == {**mine, 0: Leaving(5, 7.0, fence=5)}
    assert held(mine) == {0}


def test_only_what_leaves_can_be_emptied() -> None:
    """An answer may come when the partition has been given up, and has come again."""
    mine: dict[int, State] = {0: Held(5), 1: LEAVING, 2: Freed(5, BEGIN)}
    assert empty(mine, 1) == {**mine, 1: LEAVING._replace(emptied=True)}
    assert empty(mine, 0) == empty(mine, 2) == empty(mine, 3) == mine
