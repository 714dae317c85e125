"""Members: the instances side by side, and which partitions are on the move. Pure.

What each does is what it says of itself; who is up is seen by its beats, never by its clock.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple

from actors.rules.partitions import deal
from actors.rules.watching import is_dead, takers

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from actors.rules.partitions import HomesView, Instance, InstanceID
    from actors.rules.watching import Watch


class State(StrEnum):
    """What an instance is up to, as the others see it."""

    UP = "up"
    STANDS_BY = "stands by"
    """There is no partition for it: more are up than there are partitions."""
    NEW = "new"
    """Not seen to beat twice yet, or for too short a time to be given partitions."""
    CANNOT_READ = "cannot read the log"
    OLD = "cannot read what newer ones write"
    LEAVING = "leaving"
    SILENT = "silent"
    """It has given no sign of life for the lease: its partitions are taken over."""


class MemberFigures(NamedTuple):
    """What an instance says of itself when it is asked; None where it does not say."""

    taken_per_s: float | None = None
    """Messages of users at home there."""
    waiting: int | None = None
    """Messages of the log that it has not looked at yet."""
    behind_s: float | None = None
    """How long the oldest of those has waited, at the most."""
    partitions: int | None = None
    """At home there; None on core NATS, too."""

    @classmethod
    def from_fields(cls, fields: Mapping[str, Any]) -> MemberFigures:
        """Read an instance's answer, perhaps another version's: what is no number is left out."""

        def number(name: str) -> Any:
            value = fields.get(name)
            is_number = isinstance(value, int | float) and not isinstance(value, bool)
            return value if is_number else None

        return cls(*(number(name) for name in cls._fields))


UNKNOWN = MemberFigures()


@dataclass(frozen=True, slots=True)
class Member:
    """One instance."""

    instance_id: str
    name: str
    state: State
    age_s: int
    """Since its start, by its own clock."""
    beat_age_s: float
    """How long ago its last sign of life was seen, at the most."""
    beats: bool
    """Whether one was seen at all while one looked."""
    partitions: tuple[int, ...]
    taken_per_s: float | None
    waiting: int | None
    behind_s: float | None
    version: str
    address: str | None
    """Of its console."""


@dataclass(frozen=True, slots=True)
class Move:
    """A partition that is not where it should be."""

    partition: int
    home: str | None
    """Who has it now; None: nobody."""
    should_be: str | None
    """None: nobody is up to have it."""


@dataclass(frozen=True, slots=True)
class Members:
    """All instances, those that have been up longest first, and what is about to move."""

    instances: tuple[Member, ...]
    moving: tuple[Move, ...]

    def to_fields(self) -> dict[str, Any]:
        """Return what JSON can hold."""
        return dataclasses.asdict(self)


def members_of(
    view: HomesView,
    watch: Watch,
    me: InstanceID,
    lease_s: float,
    now_s: float,
    figures: Mapping[InstanceID, MemberFigures],
) -> Members:
    """Return the instances as ``me`` sees them, who may be none of them; ``now_s`` is since 1970.

    ``watch`` is of the same look as ``view``.
    """
    up = _takers(watch, me, lease_s)
    homes = [partition.home for partition in view.partitions]
    dealt = deal(up, homes)
    newest = max((instance.schema for instance in view.instances), default=0)

    def member(instance: Instance) -> Member:
        named = instance.instance_id
        seen, said = watch.seen.get(named), figures.get(named, UNKNOWN)
        mine = tuple(one.number for one in view.partitions if one.home == named)
        return Member(
            named,
            instance.name,
            _state(instance, watch, lease_s, newest, up=named in up, wanted=named in dealt),
            max(0, int(now_s) - instance.started_at_s),
            0.0 if seen is None else round(watch.returned_s - seen.changed_s, 3),
            seen is not None and (seen.beats > 1 or named == me),
            mine,
            said.taken_per_s,
            said.waiting,
            said.behind_s,
            instance.version,
            instance.address,
        )

    found = sorted(view.instances, key=lambda one: (one.started_at_s, one.instance_id))
    moving = tuple(
        Move(partition.number, partition.home, should_be)
        for partition, should_be in zip(view.partitions, dealt, strict=True)
        if partition.home != should_be
    )
    return Members(tuple(map(member, found)), moving)


def _takers(watch: Watch, me: InstanceID, lease_s: float) -> frozenset[InstanceID]:
    """Return who is to have partitions, for whoever has not watched for a lease."""
    up = takers(watch, me, lease_s)
    reading = frozenset(one for one in up if watch.seen[one].instance.reading)
    return reading or up


def _state(
    instance: Instance, watch: Watch, lease_s: float, newest: int, *, up: bool, wanted: bool
) -> State:
    if instance.leaving:
        return State.LEAVING
    if is_dead(watch, instance.instance_id, lease_s):
        return State.SILENT
    if not instance.reading:
        return State.CANNOT_READ
    if instance.schema < newest:
        return State.OLD
    if not up:
        return State.NEW
    return State.UP if wanted else State.STANDS_BY


def in_ranges(numbers: Iterable[int]) -> str:
    """Return whole numbers as one reads them: ``0-3, 7``."""
    ranges: list[list[int]] = []
    for number in sorted(numbers):
        if ranges and ranges[-1][1] == number - 1:
            ranges[-1][1] = number
        else:
            ranges.append([number, number])
    return ", ".join(f"{low}" if low == high else f"{low}-{high}" for low, high in ranges)
