"""Metrics: the tallies, read when Prometheus asks, under names by Prometheus' rules.

Nothing here runs between two scrapes. No label holds an id of a user or an alarm: their number is
not bounded, and they are nobody's business but the user's.
"""

from __future__ import annotations

import platform
from dataclasses import dataclass
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, GCCollector, ProcessCollector
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
)
from prometheus_client.registry import Collector

from actors.rejections import RejectionKind
from ops.version import VERSION

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from prometheus_client import Metric

    from actors.tally import CoreTally, Histogram, HomeTally
    from bus.status import BusStatus
    from bus.tally import BusTally
    from ops.homes.lag import PositionLag, Positions
    from ops.monitoring.health import Health
    from ops.monitoring.pulse import Pulse
    from store.tally import StoreTally

PREFIX = "alarm_digest"


@dataclass(frozen=True, slots=True)
class Sources:
    """Where the figures are."""

    core: CoreTally
    bus: BusTally
    bus_status: Callable[[], BusStatus]
    store: StoreTally
    pulse: Pulse
    health: Health
    max_in_flight: int
    home: HomeTally
    positions: Positions
    on_log: Callable[[], bool]
    """Whether a log is read, and so partitions have homes; not on core NATS."""


def registry_of(sources: Sources) -> CollectorRegistry:
    """Return what ``/metrics`` shows: ours, the process's, and the garbage collector's."""
    registry = CollectorRegistry()
    registry.register(ServiceCollector(sources))
    ProcessCollector(registry=registry)
    GCCollector(registry=registry)
    return registry


class ServiceCollector(Collector):
    """Reads the tallies. Runs on whatever thread asks."""

    def __init__(self, sources: Sources) -> None:
        """Read these."""
        self._sources = sources

    def collect(self) -> Iterator[Metric]:
        """Yield all metrics as they stand."""
        sources = self._sources
        yield from _of_bus(sources.bus, sources.bus_status(), sources.max_in_flight)
        if sources.on_log():
            yield from _of_homes(sources.home, sources.positions.lag())
        yield from _of_core(sources.core)
        yield from _of_store(sources.store)
        yield from _of_process(sources.pulse, sources.health)


def _of_bus(tally: BusTally, status: BusStatus, max_in_flight: int) -> Iterator[Metric]:
    kinds = {
        "event": tally.events,
        "request": tally.requests,
        "rejected": tally.rejected,
        "foreign": tally.foreign,
    }
    yield _counters("messages", "Messages taken from NATS, by what they were.", "kind", kinds)
    yield _counter(
        "messages_skipped",
        "Messages of the log passed over: of users at home elsewhere, or taken before.",
        tally.skipped,
    )
    yield _counter("messages_settled", "Messages that are done with.", tally.settled)
    yield _counter(
        "messages_dropped",
        "Messages lost on core NATS because the service was too slow.",
        status.dropped,
    )
    reasons = {str(kind): tally.dead_letters[kind] for kind in RejectionKind}
    yield _counters("dead_letters", "Dead letters published, by reason.", "reason", reasons)
    yield _counter(
        "dead_letter_retries",
        "Publications of a dead letter that failed and were tried again.",
        tally.dead_letter_retries,
    )
    yield _gauge(
        "dead_letters_waiting",
        "Rejected messages whose dead letter is not in its stream yet.",
        status.rejecting,
    )
    yield _gauge("messages_in_flight", "Messages in memory, not settled yet.", status.in_flight)
    yield _gauge("messages_in_flight_limit", "MAX_IN_FLIGHT.", max_in_flight)
    yield _gauge(
        "messages_waiting",
        "Messages of the log that this instance has not looked at yet, whosever they are.",
        status.waiting,
    )
    yield _gauge(
        "lag_seconds",
        "How long the oldest message that waits has waited, at the most; 0 when none waits.",
        status.behind_s,
    )
    yield _gauge(
        "last_message_timestamp_seconds",
        "When the message looked at last was put into the log; 0 before any.",
        status.last_taken_at_s or 0.0,
    )
    yield _gauge("nats_connected", "Whether NATS is connected.", status.connected)
    yield _gauge("reading", "Whether messages are read, or would be with room.", status.pulling)
    yield _counter("nats_reconnects", "Connections to NATS that were made anew.", tally.reconnects)
    yield _counter(
        "reading_resets",
        "Readings of the log begun, at the start, and anew after any trouble.",
        tally.pull_resets,
    )
    yield _counter(
        "reading_refusals", "Requests for messages that the server refused.", tally.pull_refusals
    )
    yield _counter(
        "log_discarded",
        "Messages of the log that a limit or a person discarded before they were read here.",
        tally.discarded,
    )
    yield _counter(
        "log_falls",
        "Times that the log was not the one it was, and was read again from a lower place.",
        tally.falls,
    )


def _of_homes(tally: HomeTally, lag: PositionLag) -> Iterator[Metric]:
    yield _gauge("partitions", "Partitions at home here, of 64.", tally.partitions)
    yield _gauge(
        "instances", "Instances that may be dealt partitions, as this one sees.", tally.instances
    )
    yield _gauge(
        "standing_by", "Whether there is no partition for this instance.", tally.standing_by
    )
    yield _gauge("outdated", "Whether a newer version wrote what this cannot read.", tally.outdated)
    moves = {
        "gained_free": tally.gained_free,
        "gained_from_dead": tally.gained_from_dead,
        "handed_over": tally.handed_over,
        "lost": tally.lost,
    }
    yield _counters("partition_moves", "Partitions that came or went, by how.", "reason", moves)
    yield _counter(
        "beats_missed", "Signs of life that MongoDB did not confirm.", tally.beats_missed
    )
    yield _counter(
        "lapses",
        "Times that digests were held back: a sign of life was confirmed too late.",
        tally.lapses,
    )
    yield _gauge(
        "position_lag_messages",
        "Messages of the log above the lowest position at home here, whosever they are.",
        lag.messages,
    )
    yield _gauge(
        "position_stands_seconds",
        "For how long that position has not moved though there are some.",
        lag.stands_s,
    )


def _of_core(tally: CoreTally) -> Iterator[Metric]:
    outcomes = {"changed": tally.events_changed, "unchanged": tally.events_unchanged}
    yield _counters(
        "events_applied",
        "Alarm events applied to their user; unchanged: repeated or stale.",
        "outcome",
        outcomes,
    )
    yield _counter(
        "events_ahead",
        "Of the events that changed their alarm, those more than FUTURE_TOLERANCE in the future.",
        tally.events_ahead,
    )
    contents = {"alarms": tally.digests_made, "empty": tally.digests_empty}
    yield _counters("digests_made", "Digests made, by what they tell.", "content", contents)
    yield _counter("digests_published", "Digests now in their stream.", tally.digests_published)
    yield _counter(
        "requests_repeated",
        "Digest requests read again after they were answered.",
        tally.requests_repeated,
    )
    yield _counter(
        "publish_retries",
        "Publications of a digest that failed and were tried again.",
        tally.publish_retries,
    )
    yield _histogram(
        "digest_latency_seconds",
        "From the arrival of a digest request until its digest is in the stream.",
        tally.digest_latency_s,
    )
    yield _histogram("digest_alarms", "Alarms in a published digest.", tally.digest_alarms)
    yield _gauge("users_live", "User actors in memory.", tally.live_users)
    yield _gauge(
        "alarms_live", "Alarms that these count for, of MAX_LIVE_ALARMS.", tally.live_alarms
    )
    yield _counter("user_activations", "User actors spawned.", tally.activations)
    yield _counter("user_passivations", "User actors that left memory.", tally.passivations)
    yield _counter("user_crashes", "User actors that crashed.", tally.crashes)
    yield _counter("message_retries", "Messages tried again after a crash.", tally.message_retries)
    yield _gauge(
        "turn_longest_seconds",
        "CPU of the longest turn of actors, or of the store, of the last half minute.",
        tally.turns.longest_s,
    )


def _of_store(tally: StoreTally) -> Iterator[Metric]:
    saves, loads = tally.saves, tally.loads
    yield _histogram("checkpoint_duration_seconds", "Group commits to MongoDB.", saves.durations_s)
    yield _histogram("checkpoint_users", "Users in a group commit.", saves.users)
    yield _counter(
        "checkpoint_failures", "Group commits that failed and are tried again.", saves.failures
    )
    yield _counter(
        "checkpoint_conflicts", "Saves of a user that lost to another process.", tally.conflicts
    )
    yield _counter(
        "checkpoint_refusals", "Saves of a user that MongoDB will never take.", tally.refusals
    )
    yield _histogram("recovery_duration_seconds", "Queries for checkpoints.", loads.durations_s)
    yield _histogram("recovery_users", "Users in a query for checkpoints.", loads.users)
    yield _counter(
        "recovery_failures",
        "Queries for checkpoints that failed, to be tried again.",
        loads.failures,
    )


def _of_process(pulse: Pulse, health: Health) -> Iterator[Metric]:
    ready = health.ready()
    yield _gauge("ready", "Whether /readyz says so.", ready.good)
    yield _gauge("mongodb_usable", "Whether MongoDB answers.", health.store_usable())
    ages = GaugeMetricFamily(
        f"{PREFIX}_pulse_age_seconds",
        "How long ago a part of the process last turned.",
        labels=("part",),
    )
    for part, age_s in pulse.ages_s().items():
        ages.add_metric((part,), age_s)
    yield ages
    info = GaugeMetricFamily(
        f"{PREFIX}_build_info", "1, with what runs as labels.", labels=("version", "python")
    )
    info.add_metric((VERSION, platform.python_version()), 1)
    yield info


def _counter(name: str, about: str, value: float) -> Metric:
    return CounterMetricFamily(f"{PREFIX}_{name}", about, value=value)


def _counters(name: str, about: str, label: str, values: Mapping[str, int]) -> Metric:
    family = CounterMetricFamily(f"{PREFIX}_{name}", about, labels=(label,))
    for word, value in values.items():
        family.add_metric((word,), value)
    return family


def _gauge(name: str, about: str, value: float) -> Metric:
    return GaugeMetricFamily(f"{PREFIX}_{name}", about, value=float(value))


def _histogram(name: str, about: str, histogram: Histogram) -> Metric:
    counts, total = list(histogram.counts), histogram.total
    buckets, below = [], 0
    for bound, count in zip((*histogram.bounds, float("inf")), counts, strict=True):
        below += count
        buckets.append(("+Inf" if bound == float("inf") else str(float(bound)), below))
    return HistogramMetricFamily(f"{PREFIX}_{name}", about, buckets=buckets, sum_value=total)
