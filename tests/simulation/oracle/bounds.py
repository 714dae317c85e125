"""Invariants of what an instance keeps in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from actors.checkpoints.checkpointer import CheckpointActor
from actors.checkpoints.recovery import RecoveryActor
from actors.publisher import PublisherActor
from actors.router.actor import RouterActor

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pykka import ActorRef

    from actors.settings import CoreSettings
    from tests.simulation.world.instance import Instance


def live_users(instance: Instance) -> int:
    """Count the user actors in memory."""
    return instance.router._users.count()


def complaints_after_tick(instance: Instance, settings: CoreSettings) -> Iterator[str]:
    """Tell what is wrong when the router has just ticked: who is too many was asked to leave."""
    users = instance.router._users
    staying = len(users.live)
    if staying > settings.max_live_users:
        yield f"{instance} keeps {staying} users after a tick, {settings.max_live_users} may stay"
    beyond = sum(live.beyond for live in users.live.values())
    alarms = settings.alarm_share * staying + beyond
    if staying > 1 and alarms > settings.live_alarms_allowed:
        yield f"{instance} keeps {alarms} alarms, {settings.live_alarms_allowed} may stay"
    both = sorted(users.live.keys() & users.leaving.keys())
    if both:
        yield f"{instance} has two actors of {both}"


def complaints_at_rest(instance: Instance, settings: CoreSettings) -> Iterator[str]:
    """Tell what is wrong with what is left in memory when nothing is in flight any more."""
    if live_users(instance) > settings.max_live_users:
        yield f"{instance} keeps {live_users(instance)} users in memory"
    alarms = [_alarms_of(live.ref) for live in instance.router._users.live.values()]
    counted = sum(max(settings.alarm_share, of_user) for of_user in alarms)
    if len(alarms) > 1 and counted > settings.live_alarms_allowed:
        yield f"{instance} keeps {alarms} alarms in memory"


def _alarms_of(ref: ActorRef[Any]) -> int:
    mailbox: Any = ref.actor_inbox
    return len(mailbox.actor._state.alarms)


def unfinished(instance: Instance) -> dict[str, object]:
    """Return what an instance still has to do, and must not have for ever."""
    work: dict[str, object] = {"in flight": instance.bus.intake.size}
    for actor in instance.services:
        match actor:
            case RouterActor():
                work["leaving"] = actor._users.leaving
                work["retrying"] = actor._users.retrying
                work["emptying"] = actor._emptying
                work["saves to be told of"] = [*actor._pacing._resting, *actor._pacing._due]
            case CheckpointActor():
                work[f"saves of {actor}"] = [*actor._under_way.values(), *actor._waiting]
            case RecoveryActor():
                work["loads"] = {**actor._under_way, **actor._asked}
            case PublisherActor():
                work["digests"] = actor._owed
    return {what: kept for what, kept in work.items() if kept}
