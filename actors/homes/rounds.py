"""The rounds of a home actor: where one is, and how long it rests before the next. Pure."""

from __future__ import annotations

from enum import Enum, auto
from typing import TYPE_CHECKING

from actors.rules.watching import next_change_s

if TYPE_CHECKING:
    from actors.rules.partitions import InstanceID
    from actors.rules.watching import Watch

ROUNDS_PER_LEASE = 4
SHORTEST_REST = 1 / 32
"""Of the lease, between two rounds that nobody asked for."""

LOOKS_PER_ROUND = 4
"""What others race for may take more than one; then it waits for the next round."""

LATE_S = 0.01
"""Timers come so much behind the moment they are for, which may be by another clock."""


class Phase(Enum):
    """Where a round is: it waits for one answer of the store at a time."""

    RESTING = auto()
    BEATING = auto()
    LOOKING = auto()
    WRITING = auto()


def rest_s(
    watch: Watch,
    me: InstanceID,
    lease_s: float,
    *,
    began_s: float,
    now_s: float,
    unfinished: bool,
) -> float:
    """Return how long to wait after a round that began at ``began_s`` and is over now.

    A round is due every quarter of the lease, and when somebody will be dead, or will be no
    newcomer any more. One that is ``unfinished`` goes on as soon as it may.
    """
    shortest_s = SHORTEST_REST * lease_s
    if unfinished:
        return shortest_s
    due_s = began_s + lease_s / ROUNDS_PER_LEASE - now_s
    if watch.clock_s is not None:
        due_s = min(due_s, watch.clock_s + next_change_s(watch, me, lease_s) + LATE_S - now_s)
    return max(shortest_s, due_s)
