"""Who is up, as one instance sees it, and who may be dealt partitions. Pure.

No clocks are compared. An instance is dead for me when its beat has not changed for the lease on
*my* clock, counted over looks at the store that succeeded: when the store was away, nobody could
beat, and nobody is taken for dead because of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from actors.rules.partitions import Instance, InstanceID

NEWCOMER_S = 1.0
"""So long an instance has to be seen before others give to it."""

LONGEST_GAP = 3 / 8
"""Of the lease: what the time between two looks counts at the most; they come every quarter."""

FORGOTTEN_AFTER = 10
"""Leases of silence after which a dead instance is forgotten."""


class Seen(NamedTuple):
    """What was seen of an instance; moments are of the watch's own count."""

    instance: Instance
    first_s: float
    changed_s: float
    """When its beat changed last, at the latest."""
    able_s: float
    """When it last could read the log."""
    beats: int
    """Different ones that were seen, 2 for more."""
    from_start: bool
    """Whether it was there when the watch began."""


class Watch(NamedTuple):
    """Whom one has seen, and for how long one has looked."""

    seen: Mapping[InstanceID, Seen]
    began_s: float
    """When the last look began, in counted seconds."""
    returned_s: float
    """When it came back, in counted seconds: what it shows had happened by then."""
    clock_s: float | None
    """When that was, by the clock; None before the first."""
    schema: int = 0
    """The newest form in which checkpoints may be stored."""

    def silence_s(self, instance: InstanceID) -> float:
        """Return for how long its beat has certainly not changed; of one not seen, for ever."""
        seen = self.seen.get(instance)
        return float("inf") if seen is None else self.began_s - seen.changed_s


NOTHING_SEEN = Watch({}, 0.0, 0.0, None)


def observe(
    watch: Watch,
    instances: Iterable[Instance],
    lease_s: float,
    look_began_s: float,
    look_returned_s: float,
    schema: int = 0,
) -> Watch:
    """Take in what a look has shown; its moments are by the clock."""
    longest_s = LONGEST_GAP * lease_s
    if watch.clock_s is None:
        began_s = returned_s = 0.0
    else:
        began_s = watch.returned_s + min(look_began_s - watch.clock_s, longest_s)
        returned_s = watch.returned_s + min(look_returned_s - watch.clock_s, longest_s)
    seen = {}
    for instance in instances:
        before = watch.seen.get(instance.instance_id)
        changed = before is None or before.instance.beat != instance.beat
        if before is None or (changed and watch.silence_s(instance.instance_id) >= lease_s):
            # Whoever was taken for dead and comes back is a newcomer.
            start = watch.clock_s is None
            now = Seen(instance, returned_s, returned_s, returned_s, 1, start)
        else:
            now = before._replace(
                instance=instance,
                changed_s=returned_s if changed else before.changed_s,
                able_s=returned_s if instance.reading else before.able_s,
                beats=2 if changed else before.beats,
            )
        seen[instance.instance_id] = now
    return Watch(seen, began_s, returned_s, look_returned_s, max(watch.schema, schema))


def is_dead(watch: Watch, instance: InstanceID, lease_s: float) -> bool:
    """Whether it has been silent for the lease, or is not among the instances at all."""
    return watch.silence_s(instance) >= lease_s


def is_settled(watch: Watch, me: InstanceID, lease_s: float) -> bool:
    """Whether I know of each instance that was there before me if it is up.

    Before that, dealing would pass over some that are. Whoever comes later has me to know.
    """
    return all(
        seen.beats > 1
        or seen.instance.leaving
        or not seen.from_start
        or instance == me
        or is_dead(watch, instance, lease_s)
        for instance, seen in watch.seen.items()
    )


def takers(watch: Watch, me: InstanceID, lease_s: float) -> frozenset[InstanceID]:
    """Return who may be dealt partitions: who is up, stays, and can work on them.

    Whoever cannot read the log is passed over after a lease while others can. Whoever cannot read
    what the newest of them writes, or one before them has written, is passed over in any case.
    """
    candidates = [
        seen
        for instance, seen in watch.seen.items()
        if not seen.instance.leaving and (instance == me or _is_trusted(watch, seen, lease_s))
    ]
    newest = max((seen.instance.schema for seen in candidates), default=0)
    newest = max(newest, watch.schema)
    fit = [seen for seen in candidates if seen.instance.schema == newest]
    able = [seen for seen in fit if watch.returned_s - seen.able_s < lease_s]
    return frozenset(seen.instance.instance_id for seen in able or fit)


def is_outdated(watch: Watch, me: InstanceID) -> bool:
    """Whether what is stored may be of a form that I cannot read."""
    seen = watch.seen.get(me)
    return seen is not None and seen.instance.schema < watch.schema


def _is_trusted(watch: Watch, seen: Seen, lease_s: float) -> bool:
    return (
        seen.beats > 1
        and watch.returned_s - seen.first_s >= NEWCOMER_S
        and not is_dead(watch, seen.instance.instance_id, lease_s)
    )


def next_change_s(watch: Watch, me: InstanceID, lease_s: float) -> float:
    """Return how long after the last look somebody will be dead, or is no newcomer any more."""
    moments = [
        moment_s - watch.returned_s
        for instance, seen in watch.seen.items()
        if instance != me and not seen.instance.leaving
        for moment_s in (seen.changed_s + lease_s, seen.first_s + NEWCOMER_S)
    ]
    return min((moment_s for moment_s in moments if moment_s > 0), default=float("inf"))


def long_dead(watch: Watch, me: InstanceID, lease_s: float) -> Sequence[InstanceID]:
    """Return the instances that are to be forgotten."""
    return [
        instance
        for instance in watch.seen
        if instance != me and is_dead(watch, instance, FORGOTTEN_AFTER * lease_s)
    ]
