"""Samples: the service's figures of the last minutes, so that a page has a past when it opens."""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    from ops.monitoring.metrics import Sources

SAMPLES_MAX = 300
"""Ten minutes of the pulse."""


class Sample(NamedTuple):
    """The figures at a moment; all that are no state count since the start of the process."""

    at_s: float
    """Seconds since 1970."""
    since_start_s: float
    """By a clock that nobody sets; orders the samples."""
    taken: int
    settled: int
    digests: int
    dead_letters: int
    waiting: int
    behind_s: float
    in_flight: int
    live_users: int
    digest_latencies: tuple[int, ...]
    """How many fell into each bucket of ``actors.tally.DURATION_BOUNDS_S``."""
    checkpoint_durations: tuple[int, ...]


class Samples:
    """Takes a sample at each turn of the pulse and keeps the last. Runs on the event loop."""

    def __init__(
        self,
        sources: Sources,
        monotonic_s: Callable[[], float] = time.monotonic,
        wall_s: Callable[[], float] = time.time,
    ) -> None:
        """Sample these."""
        self._sources = sources
        self._monotonic_s = monotonic_s
        self._wall_s = wall_s
        self._started_at_s = monotonic_s()
        self._samples: deque[Sample] = deque(maxlen=SAMPLES_MAX)

    def take(self) -> None:
        """Take a sample; to be called every few seconds."""
        self._samples.append(self._now())

    def since(self, since_start_s: float) -> list[Sample]:
        """Return the samples taken after that, oldest first."""
        return [sample for sample in self._samples if sample.since_start_s > since_start_s]

    def lately(self, turns: int) -> tuple[Sample, Sample] | None:
        """Return the sample of so many turns ago, or the first, and the last. On any thread."""
        try:
            return self._samples[max(-turns - 1, -len(self._samples))], self._samples[-1]
        except IndexError:
            return None

    @property
    def uptime_s(self) -> float:
        """How long the process has run."""
        return self._monotonic_s() - self._started_at_s

    def _now(self) -> Sample:
        core, bus, status = self._sources.core, self._sources.bus, self._sources.bus_status()
        return Sample(
            at_s=round(self._wall_s(), 3),
            since_start_s=round(self.uptime_s, 3),
            taken=bus.taken,
            settled=bus.settled,
            digests=core.digests_published,
            dead_letters=bus.dead_letters.total(),
            waiting=status.waiting,
            behind_s=round(status.behind_s, 3),
            in_flight=status.in_flight,
            live_users=core.live_users,
            digest_latencies=tuple(core.digest_latency_s.counts),
            checkpoint_durations=tuple(self._sources.store.saves.durations_s.counts),
        )
