"""What a page is told of the last minutes when it opens."""

from __future__ import annotations

from actors.rejections import RejectionKind
from actors.runtime.simulated import ManualClock
from ops.monitoring.samples import SAMPLES_MAX, Samples
from tests.unit.ops.monitoring.test_metrics import Desk


class Kept:
    """Samples that are taken by a clock of the test's own."""

    def __init__(self) -> None:
        """Start at 0."""
        self.desk = Desk()
        self.clock = ManualClock()
        self.samples = Samples(self.desk.sources, self.clock.monotonic_s, lambda: 1e9)

    def take(self, count: int = 1) -> None:
        """Take samples, two seconds apart."""
        for _ in range(count):
            self.clock.elapsed_s += 2
            self.samples.take()


def test_a_sample_says_how_it_stands_at_its_time() -> None:
    """Later counts do not change it."""
    kept = Kept()
    kept.desk.bus.taken, kept.desk.bus.dead_letters[RejectionKind.CRASHED] = 7, 2
    kept.desk.core.digest_latency_s.observe(0.002)
    kept.take()
    kept.desk.bus.taken = 8
    kept.desk.core.digest_latency_s.observe(0.002)
    (sample,) = kept.samples.since(-1)
    assert (sample.at_s, sample.since_start_s, sample.taken, sample.dead_letters) == (1e9, 2, 7, 2)
    assert sum(sample.digest_latencies) == 1


def test_only_what_is_new_is_told_again() -> None:
    """A page asks every two seconds."""
    kept = Kept()
    kept.take(3)
    assert [sample.since_start_s for sample in kept.samples.since(2.0)] == [4, 6]
    assert kept.samples.since(6.0) == []


def test_what_is_old_is_forgotten() -> None:
    """However long the process runs."""
    kept = Kept()
    kept.take(SAMPLES_MAX + 5)
    samples = kept.samples.since(-1)
    assert (len(samples), samples[0].since_start_s) == (SAMPLES_MAX, 12)
