"""Invariants of what a process keeps in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actors.checkpoints.checkpointer import CheckpointActor
from actors.checkpoints.recovery import RecoveryActor
from actors.publisher import PublisherActor

if TYPE_CHECKING:
    from collections.abc import Iterator

    from actors.settings import CoreSettings
    from tests.simulation.process import Process


def complaints_after_tick(process: Process, settings: CoreSettings) -> Iterator[str]:
    """Tell what is wrong when the router has just ticked: who is too many was asked to leave."""
    router = process.router
    staying = len(router._live)
    if staying > settings.max_live_users:
        yield f"{process} keeps {staying} users after a tick, {settings.max_live_users} may stay"
    both = sorted(router._live.keys() & router._leaving.keys())
    if both:
        yield f"{process} has two actors of {both}"


def complaints_at_rest(process: Process, settings: CoreSettings) -> Iterator[str]:
    """Tell what is wrong with what is left in memory when nothing is in flight any more."""
    if process.live_users() > settings.max_live_users:
        yield f"{process} keeps {process.live_users()} users in memory"


def unfinished(process: Process) -> dict[str, object]:
    """Return what a process still has to do, and must not have for ever."""
    router = process.router
    work: dict[str, object] = {
        "leaving": router._leaving,
        "saves to be told of": [*router._resting, *router._due],
    }
    for actor in process.service_actors():
        match actor:
            case CheckpointActor():
                work[f"saves of {actor}"] = [*actor._under_way.values(), *actor._waiting]
            case RecoveryActor():
                work["loads"] = {**actor._under_way, **actor._asked}
            case PublisherActor():
                work["digests"] = actor._owed
    return {what: kept for what, kept in work.items() if kept}
