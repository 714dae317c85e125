"""Tallies: what has been done so far, as plain numbers that monitoring reads when it likes.

Each attribute is written by one thread, without a lock and without a library, once a batch
where there are batches; a reader on another thread sees a number that is right or a moment old.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from actors.rules.partitions import HomesView
from actors.rules.watching import NOTHING_SEEN
from actors.runtime.turns import Turns

if TYPE_CHECKING:
    from collections.abc import Sequence

    from actors.rules.watching import Watch

DURATION_BOUNDS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Buckets of durations: a digest takes 5 to 50 ms, a group commit 2 to 200 ms, trouble seconds."""

SIZE_BOUNDS = (0, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000)
"""Buckets of what is counted: alarms in a digest, users in a group commit (1,000 at the most)."""


class Histogram:
    """How often a value fell into which of a few fixed buckets. One thread writes."""

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: Sequence[float] = DURATION_BOUNDS_S) -> None:
        """Create an empty one; a value that equals a bound is in the bucket below it."""
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        """How many fell into each bucket; the last is for those above all bounds."""
        self.total = 0.0
        """The sum of all values."""

    def observe(self, value: float) -> None:
        """Count a value."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value

    def count(self) -> int:
        """Return how many values were counted."""
        return sum(self.counts)


@dataclass(slots=True)
class CoreTally:
    """What router, publisher and user actors did. Written on their dispatcher's thread only.

    An event is counted each time it is applied: again after a conflict or a crash.
    """

    events_changed: int = 0
    """Events that changed their alarm."""
    events_ahead: int = 0
    """Of those, the ones from the future: of an agent whose clock is ahead."""
    events_unchanged: int = 0
    """Events that were repeated or stale and changed nothing."""
    requests_repeated: int = 0
    """Digest requests that were answered before."""
    digests_made: int = 0
    """Digests with something to tell."""
    digests_empty: int = 0
    """Digests with nothing to tell, also those that are then skipped."""
    digests_published: int = 0
    publish_retries: int = 0
    live_users: int = 0
    """User actors in memory, as of the last tick."""
    live_alarms: int = 0
    """What counts against ``MAX_LIVE_ALARMS``, as of the last tick: of each user its alarms, its
    share of what is allowed at the least."""
    activations: int = 0
    """User actors spawned."""
    passivations: int = 0
    """User actors that left memory, crashed ones included."""
    crashes: int = 0
    """User actors that crashed."""
    message_retries: int = 0
    """Messages tried again after a crash."""
    digest_latency_s: Histogram = field(default_factory=Histogram)
    """From a request's arrival in this process until its digest is in the stream."""
    digest_alarms: Histogram = field(default_factory=lambda: Histogram(SIZE_BOUNDS))
    """Alarms in a digest that was published."""
    turns: Turns = field(default_factory=Turns)
    """How long the event loop was kept at a time."""


@dataclass(slots=True)
class HomeTally:
    """What the home actor saw and did. Written on its dispatcher's thread only."""

    partitions: int = 0
    """At home here, those included that are being handed over."""
    instances: int = 0
    """That may be dealt partitions, this one included."""
    gained_free: int = 0
    """Partitions that were claimed when they were nobody's."""
    gained_from_dead: int = 0
    """Partitions that were claimed from an instance without a sign of life."""
    handed_over: int = 0
    """Partitions that were emptied and freed, at a stop as well."""
    lost: int = 0
    """Partitions that were dropped because somebody else had taken or freed them."""
    beats_missed: int = 0
    """Signs of life that the store did not confirm."""
    lapses: int = 0
    """Times that publishing was held back because a sign of life was confirmed too late."""
    standing_by: bool = False
    """Whether there is no partition for this instance: more are up than there are partitions, or
    it is outdated."""
    outdated: bool = False
    """Whether a newer version has written what this instance cannot read."""
    may_publish_until_s: float = float("-inf")
    """Beyond it digests are held back; by the core's ``Clock.monotonic_s``."""
    view: HomesView = field(default_factory=lambda: HomesView((), ()))
    """Who was up and who had what, as of the last look; empty before the first."""
    watch: Watch = NOTHING_SEEN
    """Whom this instance has seen, as of the same look."""
