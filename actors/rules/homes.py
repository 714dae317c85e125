"""The rules of a home: what an instance does about the partitions, given what it sees. Pure.

There is no leader. Everybody deals by the same rule; views may differ for a moment, and the
compare-and-set on a partition's home and epoch decides.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from actors.rules.ends import after_end, after_freeing
from actors.rules.holding import Freed, Held, Leaving
from actors.rules.partitions import HomePosition, deal
from actors.rules.watching import is_dead, is_outdated, is_settled, long_dead, takers

if TYPE_CHECKING:
    from collections.abc import Mapping

    from actors.rules.holding import State
    from actors.rules.partitions import HomesView, InstanceID, Partition
    from actors.rules.positions import Place
    from actors.rules.watching import Watch

HAND_OVER_S = 1.0
"""So long the users of a partition may take to be saved and told; then they are left."""

PUBLISHING_SHARE = 2 / 3
"""Of the lease: so long after a beat was sent a home publishes; it is dead after all of it."""


class Plan(NamedTuple):
    """What is to be done."""

    mine: Mapping[int, State]
    """Once the next two are done."""
    hand_over: frozenset[int] = frozenset()
    """To be read no more, and emptied."""
    release: frozenset[int] = frozenset()
    """To be dropped, before the store is asked for anything."""
    lower: tuple[HomePosition, ...] = ()
    free: tuple[HomePosition, ...] = ()
    claim: tuple[Partition, ...] = ()
    forget: tuple[InstanceID, ...] = ()
    """These four: to be asked of the store."""
    standing_by: bool = False
    """Whether there is nothing to have: so many others are up, or what is stored is too new."""

    @property
    def writes(self) -> bool:
        """Whether the store is to be asked for anything."""
        return bool(self.lower or self.free or self.claim or self.forget)


def plan(
    me: InstanceID,
    mine: Mapping[int, State],
    view: HomesView,
    watch: Watch,
    positions: Mapping[int, Place],
    *,
    leaving: bool,
    lease_s: float,
    now_s: float,
) -> Plan:
    """Say what to do about a look that ``mine`` was reconciled with.

    ``positions`` are those of the log's reader, ``now_s`` is by the clock.
    """
    up = takers(watch, me, lease_s)
    dealt = deal(up, [partition.home for partition in view.partitions])
    # Whom the others do not see, they take for dead: what it claimed, they would claim as well.
    active = not leaving and me in watch.seen
    release = {
        number: Freed(state.epoch, positions.get(number, view.partitions[number].position))
        for number, state in mine.items()
        if isinstance(state, Leaving) and _is_over(state, now_s)
    }
    hand_over = {
        number: Leaving(state.epoch, now_s + HAND_OVER_S, fence=state.fence)
        for number, state in mine.items()
        if isinstance(state, Held) and active and dealt[number] not in (me, None)
    }
    after: dict[int, State] = {**mine, **release, **hand_over}
    wanted = []
    if active and is_settled(watch, me, lease_s):
        wanted = [
            _taken(partition)
            for partition in view.partitions
            if dealt[partition.number] == me
            and partition.number not in mine
            and _may_be_taken(partition, watch, lease_s)
        ]
    lower, renewed = [], []
    for number, state in after.items():
        if isinstance(state, Held) and state.fell is not None:
            lower.append(HomePosition(number, state.epoch, state.fell))
        elif isinstance(state, Held) and state.fence is not None:
            renewed.append(view.partitions[number])
    return Plan(
        {number: _asked(state) for number, state in after.items()},
        frozenset(hand_over),
        frozenset(release),
        tuple(lower),
        tuple(
            HomePosition(number, state.epoch, state.position)
            for number, state in after.items()
            if isinstance(state, Freed)
        ),
        (*renewed, *wanted),
        tuple(long_dead(watch, me, lease_s)),
        standing_by=active and me not in dealt and (me in up or is_outdated(watch, me)),
    )


def _is_over(state: Leaving, now_s: float) -> bool:
    return state.emptied or now_s >= state.until_s or state.fence is not None


def _asked(state: State) -> State:
    """Lowering raises the epoch as renewing does."""
    if isinstance(state, Held) and state.fence is not None:
        return state._replace(fence=state.epoch)
    return state


def _taken(partition: Partition) -> Partition:
    """Note how its home ended."""
    ends = after_freeing(partition) if partition.home is None else after_end(partition)
    return partition._replace(ends=ends)


def _may_be_taken(partition: Partition, watch: Watch, lease_s: float) -> bool:
    """Whoever comes takes only what is free, or what a dead one has."""
    return partition.home is None or is_dead(watch, partition.home, lease_s)
