"""What an instance has of the partitions, and how that changes. Pure.

What it has of a partition is one of three states; of any other it has nothing::

    (nothing) --the store says that it is mine--> Held --another should have it--> Leaving
        ^                                          |                                  |
        |<---------the store says that it is not---+----------------------------------+
        |                                                    its users left, or time is up
        +<--------the store says that it is not mine--- Freed <-----------------------+

The store decides: a write is only asked for, and a look tells what became of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from actors.rules.partitions import InstanceID, Partition
    from actors.rules.positions import Place

NOT_ASKED = -1


class Held(NamedTuple):
    """It is at home here: its log is read, its users live here."""

    epoch: int
    fence: int | None = None
    """Set while its epoch has to rise before anything of it is published, see ``lapse``:
    the epoch at which that was asked for, or ``NOT_ASKED``."""
    fell: Place | None = None
    """Where its stored position has to be lowered to."""


class Leaving(NamedTuple):
    """It is handed over: nothing of it is read, its users finish and leave."""

    epoch: int
    until_s: float
    """By the clock: what is not finished then is left, and read again elsewhere."""
    emptied: bool = False
    fence: int | None = None


class Freed(NamedTuple):
    """Nothing is left of it here, and the store was asked, or is, to make it nobody's.

    It is never taken up again at this epoch, for the asking may take effect at any time.
    """

    epoch: int
    position: Place


State = Held | Leaving | Freed


class Reconciled(NamedTuple):
    """What a look at the store means for what one has."""

    mine: Mapping[int, State]
    gained: tuple[Partition, ...]
    """To be read from now on."""
    lost: frozenset[int]
    """To be dropped, before anything is gained."""
    handed_over: frozenset[int]
    """Freed by me, as can be seen now."""


def reconcile(
    me: InstanceID, mine: Mapping[int, State], partitions: Iterable[Partition], *, leaving: bool
) -> Reconciled:
    """Believe the store.

    What is mine there and not here is taken up: the answer to a claim was lost. Who is leaving
    frees it instead.
    """
    kept: dict[int, State] = {}
    gained, lost, handed_over = [], set(), set()
    for partition in partitions:
        number, state = partition.number, mine.get(partition.number)
        # One above is still mine without a break: from a home to another, or to nobody and
        # back, are two; so that was a write of my own that left the home as it was.
        goes_on = (
            state is not None and partition.home == me and partition.epoch - state.epoch in (0, 1)
        )
        if state is not None and goes_on:
            kept[number] = _adopt(state, partition)
            continue
        if isinstance(state, Freed):
            handed_over.add(number)
        elif state is not None:
            lost.add(number)
        if partition.home == me:
            if leaving:
                kept[number] = Freed(partition.epoch, partition.position)
            else:
                kept[number] = Held(partition.epoch)
                gained.append(partition)
    return Reconciled(kept, tuple(gained), frozenset(lost), frozenset(handed_over))


def _adopt(state: State, partition: Partition) -> State:
    if not isinstance(state, Held):
        return state._replace(epoch=partition.epoch)
    fence, fell = state.fence, state.fell
    if fence is not None and NOT_ASKED < fence < partition.epoch:
        fence = None
    if partition.epoch > state.epoch and partition.position == fell:
        fell = None
    return Held(partition.epoch, fence, fell)


def leave(mine: Mapping[int, State], until_s: float) -> Mapping[int, State]:
    """Begin to hand all over; their users have until then."""
    return {
        number: Leaving(state.epoch, until_s, fence=state.fence)
        if isinstance(state, Held)
        else state
        for number, state in mine.items()
    }


def empty(mine: Mapping[int, State], number: int) -> Mapping[int, State]:
    """Note that the users of a partition have left."""
    state = mine.get(number)
    if not isinstance(state, Leaving):
        return mine
    return {**mine, number: state._replace(emptied=True)}


def fall(mine: Mapping[int, State], positions: Mapping[int, Place]) -> Mapping[int, State]:
    """Note that partitions are read from lower places; one that leaves is freed at its own."""
    fallen = {
        number: state._replace(fell=positions[number])
        for number, state in mine.items()
        if isinstance(state, Held) and number in positions
    }
    return {**mine, **fallen}


def lapse(mine: Mapping[int, State]) -> Mapping[int, State]:
    """Note that a beat was confirmed only when the one before it had run out.

    Meanwhile others may have taken me for dead, and their claims may still be under way. So what
    I have is mine only once its epoch has risen after that beat: a claim that comes later is
    refused, and whoever looks later sees the beat. What leaves is left.
    """
    return {
        number: state if isinstance(state, Freed) else state._replace(fence=NOT_ASKED)
        for number, state in mine.items()
    }


def may_publish(mine: Mapping[int, State]) -> bool:
    """Whether all that is at home here certainly is, as long as the last beat lasts."""
    return all(isinstance(state, Freed) or state.fence is None for state in mine.values())


def held(mine: Mapping[int, State]) -> frozenset[int]:
    """Return the partitions that are at home here to stay."""
    return frozenset(number for number, state in mine.items() if isinstance(state, Held))
