"""Invariants of a world at rest: everything delivered, nothing in flight, no fault."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actors.rules.alarms import Severity
from tests.simulation.bounds import complaints_at_rest
from tests.simulation.plan import ROOM

if TYPE_CHECKING:
    from collections.abc import Iterator

    from actors.rules.alarms import Alarm, AlarmID, UserID
    from tests.oracle import Oracle
    from tests.simulation.world import World


def complaints(world: World) -> Iterator[str]:
    """Tell what is wrong with what was stored, published and kept in memory."""
    oracle = world.watch.knowledge.possible
    for user_id in sorted(oracle.users()):
        yield from _stored_complaints(world, oracle, user_id)
    for process in world.living():
        yield from complaints_at_rest(process, world.plan.settings)


def debts(world: World) -> Iterator[str]:
    """Tell which digests are owed and not published."""
    for user_id in world.plan.users:
        if (owed := world.checkpoint(user_id).cursor.outbox) is not None:
            yield f"{user_id} is still owed {owed.digest_id}"
    for digest in world.watch.digests.values():
        if not world.watch.outputs.is_complete(digest):
            yield f"{digest.digest_id} was never published"


def untold(world: World) -> Iterator[str]:
    """Tell which active alarms a user does not know as they stand, after a last request."""
    oracle = world.watch.knowledge.possible
    for user_id in world.plan.users:
        for alarm_id, alarm in world.checkpoint(user_id).alarms.items():
            if alarm.active and alarm.news:
                yield f"{user_id}/{alarm_id} is stored as news still"
    for user_id, alarm_id in oracle.events:
        if (user_id, alarm_id) in world.watch.blurred:
            continue
        at_ns, severity = oracle.current(user_id, alarm_id)
        if severity is Severity.CLEARED:
            continue
        told = world.watch.outputs.told.get((user_id, alarm_id))
        if told is None or told.severity is not severity:
            yield f"{user_id}/{alarm_id} {severity.name} was lost; told {told}"
        if oracle.is_news(user_id, alarm_id):
            yield f"{user_id}/{alarm_id} {severity.name} of {at_ns} is news still"


def _stored_complaints(world: World, oracle: Oracle, user_id: UserID) -> Iterator[str]:
    checkpoint = world.checkpoint(user_id)
    if world.plan.crowded and len(checkpoint.alarms) > ROOM:
        yield f"{user_id} has room for {ROOM} alarms, and {list(checkpoint.alarms)} are stored"
    blurred = {alarm_id for owner, alarm_id in world.watch.blurred if owner == user_id}
    known = {alarm_id for owner, alarm_id in oracle.events if owner == user_id}
    if known - blurred != checkpoint.alarms.keys() - blurred:
        yield f"{user_id}: {list(checkpoint.alarms)} are stored, of {sorted(known)}"
        return
    for alarm_id in sorted(known - blurred):
        alarm = checkpoint.alarms[alarm_id]
        if _summary(oracle, user_id, alarm_id) != _stored(alarm):
            yield f"{user_id}/{alarm_id} is stored as {alarm}, the oracle says otherwise"


def _summary(oracle: Oracle, user_id: UserID, alarm_id: AlarmID) -> tuple[object, ...]:
    told = oracle.told.get((user_id, alarm_id), (None, Severity.CLEARED))
    return (*oracle.current(user_id, alarm_id), *told, oracle.is_news(user_id, alarm_id))


def _stored(alarm: Alarm) -> tuple[object, ...]:
    return (
        alarm.changed_at_ns,
        alarm.severity,
        alarm.told_at_ns,
        alarm.told_severity,
        alarm.news,
    )
