"""What an instance does about the partitions, given what it sees."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from actors.rules.holding import NOT_ASKED, Freed, Held, Leaving
from actors.rules.homes import HAND_OVER_S, Plan, plan
from actors.rules.partitions import PARTITIONS, HomePosition, HomesView, InstanceID, Partition
from actors.rules.positions import BEGIN, Place
from actors.rules.watching import NOTHING_SEEN, Watch, observe
from tests.unit.actors.rules.test_watching import LEASE_S, ME, A, B, up

if TYPE_CHECKING:
    from collections.abc import Mapping

    from actors.rules.holding import State
    from actors.rules.partitions import Instance

NOW_S = 100.0
PLACE = Place(7, 70, "log")
ALL = range(PARTITIONS)


def watching(*others: Instance, silent: tuple[Instance, ...] = ()) -> Watch:
    """Return a watch of five seconds in which ``others`` beat and ``silent`` do not."""
    watch = NOTHING_SEEN
    for beat in range(6):
        beating = [other._replace(beat=beat) for other in others]
        watch = observe(watch, [up(ME), *beating, *silent], LEASE_S, float(beat), float(beat))
    return watch


def see(
    homes: Mapping[int, InstanceID | None] | None = None,
    mine: Mapping[int, State] | None = None,
    watch: Watch | None = None,
    *,
    leaving: bool = False,
    now_s: float = NOW_S,
    positions: Mapping[int, Place] | None = None,
) -> Plan:
    """Plan for a view in which all partitions are free at epoch 5, but those in ``homes``."""
    mine = mine or {}
    at = {**dict.fromkeys(mine, ME), **(homes or {})}
    partitions = tuple(Partition(number, at.get(number), 5, BEGIN) for number in ALL)
    watch = watch or watching()
    instances = tuple(seen.instance for seen in watch.seen.values())
    return plan(
        ME,
        mine,
        HomesView(instances, partitions),
        watch,
        positions or {},
        leaving=leaving,
        lease_s=LEASE_S,
        now_s=now_s,
    )


def claimed(planned: Plan) -> list[int]:
    """Return the partitions that are to be claimed."""
    return [partition.number for partition in planned.claim]


def test_alone_one_claims_all_that_is_free() -> None:
    """As it stands in the view: the store compares."""
    planned = see()
    assert planned.claim == tuple(Partition(number, None, 5, BEGIN) for number in ALL)
    assert (planned.mine, planned.hand_over, planned.free) == ({}, frozenset(), ())


def test_one_claims_a_share() -> None:
    """The other one claims the rest."""
    assert len(claimed(see(watch=watching(up(A))))) == PARTITIONS / 2


def test_one_claims_what_the_dead_have_and_what_nobody_known_has() -> None:
    """A home that is not among the instances is dead."""
    homes = dict.fromkeys(range(10), A) | dict.fromkeys(range(10, 20), InstanceID("gone"))
    assert claimed(see(homes, watch=watching(silent=(up(A),)))) == list(ALL)


def test_one_leaves_alone_what_somebody_has_who_is_up_or_leaves() -> None:
    """Who leaves gives, in a moment; who comes takes only what is free."""
    homes = dict.fromkeys(range(40), A) | dict.fromkeys(range(40, 64), B)
    watch = watching(up(A), up(B, leaving=True))
    assert claimed(see(homes, watch=watch)) == []


def test_one_claims_nothing_before_one_knows_who_is_up() -> None:
    """Those that were there first."""
    unknown = observe(NOTHING_SEEN, [up(ME), up(A)], LEASE_S, 0.0, 0.0)
    assert see(watch=unknown).claim == ()


def test_one_claims_nothing_that_the_others_cannot_see() -> None:
    """They would claim it as a dead one's."""
    invisible = NOTHING_SEEN
    for beat in range(3):
        invisible = observe(invisible, [up(A, beat)], LEASE_S, float(beat), float(beat))
    assert see(watch=invisible).claim == ()
    assert see(mine={0: Held(5)}, watch=invisible).hand_over == frozenset()


def test_whoever_leaves_claims_nothing_and_keeps_nothing() -> None:
    """Its partitions have begun to leave before."""
    assert see(leaving=True).claim == ()


def test_what_another_should_have_is_handed_over() -> None:
    """It is not freed yet, its users have a second."""
    mine: dict[int, State] = {number: Held(5) for number in ALL}
    planned = see(mine=mine, watch=watching(up(A)))
    assert len(planned.hand_over) == PARTITIONS / 2
    assert planned.mine[63] == Leaving(5, NOW_S + HAND_OVER_S)
    assert planned.mine[0] == Held(5)
    assert not planned.writes


def test_a_fence_stays_until_the_partition_has_left() -> None:
    """What may not be published yet may not be published on the way out."""
    fenced: dict[int, State] = {number: Held(5, fence=NOT_ASKED) for number in ALL}
    planned = see(mine=fenced, watch=watching(up(A)))
    assert planned.mine[63] == Leaving(5, NOW_S + HAND_OVER_S, fence=NOT_ASKED)


def test_nothing_is_handed_over_to_nobody() -> None:
    """When all leave, I do not know better than my own stop."""
    watch = observe(NOTHING_SEEN, [up(ME, leaving=True)], LEASE_S, 0.0, 0.0)
    assert see(mine={0: Held(5)}, watch=watch).hand_over == frozenset()


@pytest.mark.parametrize(
    "state", [Leaving(5, NOW_S), Leaving(5, 999, emptied=True), Leaving(5, 999, fence=NOT_ASKED)]
)
def test_what_is_emptied_or_out_of_time_or_lapsed_is_freed(state: Leaving) -> None:
    """With its last position."""
    planned = see(mine={3: state}, positions={3: PLACE})
    assert planned.release == {3}
    assert planned.mine == {3: Freed(5, PLACE)}
    assert planned.free == (HomePosition(3, 5, PLACE),)
    assert 3 not in claimed(planned)


def test_what_is_not_finished_waits() -> None:
    """Its second is not over."""
    planned = see(mine={3: Leaving(5, NOW_S + 0.1)}, positions={3: PLACE})
    assert planned.mine == {3: Leaving(5, NOW_S + 0.1)}
    assert planned.free == ()


def test_freeing_is_repeated_until_it_is_seen() -> None:
    """At the position that it had, and without dropping anything once more."""
    planned = see(mine={3: Freed(5, PLACE)}, positions={})
    assert planned.free == (HomePosition(3, 5, PLACE),)
    assert planned.release == frozenset()
    assert planned.mine == {3: Freed(5, PLACE)}


def test_a_position_that_fell_is_lowered_until_it_is_seen() -> None:
    """Which raises the epoch, as a fence wants it."""
    fallen = Held(5, fell=PLACE)
    planned = see({}, {0: fallen})
    assert planned.lower == (HomePosition(0, 5, PLACE),)
    assert 0 not in claimed(planned)
    assert planned.mine == {0: fallen}
    fenced = see({}, {0: fallen._replace(fence=NOT_ASKED)})
    assert fenced.mine == {0: Held(5, fence=5, fell=PLACE)}
    assert 0 not in claimed(fenced)


def test_a_fenced_partition_is_claimed_from_myself() -> None:
    """Whoever decided to take it before sees another epoch then; also before one is settled."""
    unknown = observe(NOTHING_SEEN, [up(ME), up(A)], LEASE_S, 0.0, 0.0)
    planned = see({}, {0: Held(5, fence=NOT_ASKED), 1: Held(5)}, unknown)
    assert planned.claim == (Partition(0, ME, 5, BEGIN),)
    assert planned.mine == {0: Held(5, fence=5), 1: Held(5)}


def test_who_has_been_dead_for_long_is_forgotten() -> None:
    """By whoever sees it."""
    watch = NOTHING_SEEN
    for moment_s in range(45):
        watch = observe(watch, [up(ME), up(A)], LEASE_S, moment_s, moment_s)
    assert see(watch=watch).forget == (A,)


def test_more_instances_than_partitions_stand_by() -> None:
    """Those for whom nothing is left; not who waits for a hand-over, nor who leaves."""
    others = [up(InstanceID(f"i{number}")) for number in ALL]
    homes = {number: other.instance_id for number, other in enumerate(others)}
    watch = watching(*others)
    assert see(homes, watch=watch).standing_by
    assert not see(homes, watch=watch, leaving=True).standing_by
    assert not see(dict.fromkeys(ALL, A), watch=watching(up(A))).standing_by


def test_one_that_cannot_read_what_is_stored_stands_by() -> None:
    """It claims nothing, though all is free, and keeps what it has: nobody else is there."""
    newer = watching()._replace(schema=up(ME).schema + 1)
    assert see(watch=newer) == Plan({}, standing_by=True)
    holding = see(mine={3: Held(5)}, watch=newer)
    assert holding.mine == {3: Held(5)}
    assert not holding.hand_over
