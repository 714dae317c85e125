"""Partitions of the users, and who should have which. Pure.

Users are dealt to a fixed number of partitions, partitions to the instances that are up.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, NewType
from zlib import crc32

from actors.rules.ends import NO_ENDS, Ends, Stretch

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from actors.rules.alarms import UserID
    from actors.rules.positions import Place

InstanceID = NewType("InstanceID", str)

PARTITIONS = 64
"""Part of the contract, like the hash: producers and other versions compute the same."""


class Instance(NamedTuple):
    """A process of the service, as the others know it."""

    instance_id: InstanceID
    """Made at its start: a restart is another instance."""
    name: str
    beat: int
    """Counts its signs of life."""
    leaving: bool
    reading: bool
    """Whether it can read the log."""
    schema: int
    """The newest form of what is stored that it can read."""
    address: str | None
    """Of its console."""
    version: str
    started_at_s: int
    """Seconds since 1970, by its own clock: for people only."""


class Partition(NamedTuple):
    """A partition as it is stored."""

    number: int
    home: InstanceID | None
    epoch: int
    """Counts the changes of its home."""
    position: Place
    ends: Ends = NO_ENDS
    """Of its former homes, those that were not orderly."""


class HomePosition(NamedTuple):
    """How far a partition is settled, as its home of an epoch says."""

    number: int
    epoch: int
    position: Place


class InHand(NamedTuple):
    """What the home of an epoch has in hand of a partition that it reads carefully."""

    number: int
    epoch: int
    stretch: Stretch | None
    """None when nothing is."""
    over: bool = False
    """Whether it is read carefully no more: nothing of its former homes' ends counts from now."""


class HomesView(NamedTuple):
    """Who is up and who has what, as it stood when one looked."""

    instances: tuple[Instance, ...]
    partitions: tuple[Partition, ...]
    """All of them, by number."""
    schema: int = 0
    """The newest form in which checkpoints may be stored: whose homes have claimed a partition."""


def partition_of(user_id: UserID) -> int:
    """Return the partition of a user, 0 to 63."""
    return crc32(user_id.encode()) % PARTITIONS


def deal(
    takers: Iterable[InstanceID], homes: Sequence[InstanceID | None]
) -> tuple[InstanceID | None, ...]:
    """Say where each partition should be, given where it is; None for all when nobody takes.

    Each taker gets the floor or the ceiling of an equal share, and as few partitions move as that
    allows. Whoever asks, in whatever order, gets the same; what was dealt stays as it is.
    """
    names = sorted(set(takers))
    dealt: list[InstanceID | None] = [None] * len(homes)
    if not names:
        return tuple(dealt)
    kept: dict[InstanceID | None, list[int]] = {name: [] for name in names}
    to_give: list[int] = []
    for number, home in enumerate(homes):
        kept.get(home, to_give).append(number)
    share, remainder = divmod(len(homes), len(names))
    wanting: list[InstanceID] = []
    # The larger shares go to those that have as much. Who has even more is no matter: it would
    # change with each partition that is on its way, and others would move besides.
    for rank, name in enumerate(sorted(names, key=lambda name: len(kept[name]) <= share)):
        size, has = share + (rank < remainder), kept[name]
        for number in has[:size]:
            dealt[number] = name
        to_give += has[size:]
        wanting += [name] * (size - len(has))
    for number, name in zip(sorted(to_give), wanting, strict=True):
        dealt[number] = name
    return tuple(dealt)
