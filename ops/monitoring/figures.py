"""Figures: what the console shows of the service as a whole, as JSON can hold it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from actors.tally import DURATION_BOUNDS_S
from ops.instance import instance_name
from ops.monitoring.health import is_well
from ops.monitoring.samples import Sample
from ops.version import VERSION

if TYPE_CHECKING:
    from actors.rules.partitions import InstanceID
    from ops.monitoring.metrics import Sources
    from ops.monitoring.samples import Samples


def figures(sources: Sources, samples: Samples, since_start_s: float) -> dict[str, Any]:
    """Return how the service stands, and its samples after a moment of its life."""
    ready, status = sources.health.ready(), sources.bus_status()
    return {
        "uptime_s": round(samples.uptime_s, 1),
        "phase": sources.health.phase,
        "ready": ready.good,
        "checks": dict(ready.checks),
        "in_flight_max": sources.max_in_flight,
        "dropped": status.dropped,
        "partitions": sources.home.partitions if sources.on_log() else None,
        "bounds_s": DURATION_BOUNDS_S,
        "columns": Sample._fields,
        "samples": [tuple(sample) for sample in samples.since(since_start_s)],
        "counts": _counts(sources),
        "dead_letters": {str(kind): count for kind, count in sources.bus.dead_letters.items()},
    }


def _counts(sources: Sources) -> dict[str, int]:
    """Return what was counted since the start, in the order and words in which it is read."""
    core, bus, store, home = sources.core, sources.bus, sources.store, sources.home
    return {
        "events that changed an alarm": core.events_changed,
        "events from the future": core.events_ahead,
        "events repeated or stale": core.events_unchanged,
        "digests with alarms": core.digests_made,
        "digests with none": core.digests_empty,
        "messages of users at home elsewhere": bus.skipped,
        "messages discarded before they were read": bus.discarded,
        "times the log was not the one it was": bus.falls,
        "partitions that came": home.gained_free,
        "partitions taken over from dead instances": home.gained_from_dead,
        "partitions handed over": home.handed_over,
        "partitions lost to others": home.lost,
        "signs of life that were not confirmed": home.beats_missed,
        "times that digests were held back": home.lapses,
        "messages tried again": core.message_retries,
        "user actors started": core.activations,
        "user actors that left memory": core.passivations,
        "user actors that crashed": core.crashes,
        "checkpoint conflicts": store.conflicts,
        "checkpoints that failed": store.saves.failures,
        "checkpoints refused": store.refusals,
        "digests published again": core.publish_retries,
        "reconnects to NATS": bus.reconnects,
        "readings of the log begun": bus.pull_resets,
    }


_RATE_OVER = 5
"""Turns of the pulse: ten seconds."""


def own_figures(me: InstanceID, sources: Sources, samples: Samples) -> dict[str, Any]:
    """Return what this instance says of itself among others. On any thread."""
    status, home, ready = sources.bus_status(), sources.home, sources.health.ready()
    before_and_now, rate = samples.lately(_RATE_OVER), None
    if before_and_now is not None:
        before, now = before_and_now
        passed_s = now.since_start_s - before.since_start_s
        rate = round((now.taken - before.taken) / passed_s, 1) if passed_s > 0 else None
    return {
        "instance_id": me,
        "instance": instance_name(),
        "version": VERSION,
        "ready": ready.good,
        "wrong": {name: found for name, found in ready.checks.items() if not is_well(found)},
        "partitions": home.partitions if sources.on_log() else None,
        "taken_per_s": rate,
        "waiting": status.waiting,
        "behind_s": round(status.behind_s, 3),
        "position_lag": sources.positions.lag().messages,
        "in_flight": status.in_flight,
        "live_users": sources.core.live_users,
        "uptime_s": round(samples.uptime_s, 1),
    }
