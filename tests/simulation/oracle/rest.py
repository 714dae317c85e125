"""Invariants of a world at rest: everything delivered, nothing in flight, no fault."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actors.rules.alarms import Severity
from tests.simulation.course.plan import ROOM
from tests.simulation.course.traffic import describe
from tests.simulation.oracle.bounds import complaints_at_rest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from actors.rules.alarms import Alarm, AlarmID, UserID
    from tests.oracle import Oracle
    from tests.simulation.world.world import World


def complaints(world: World) -> Iterator[str]:
    """Tell what is wrong with what was stored, published and kept in memory."""
    for user_id in world.plan.users:
        yield from _stored_complaints(world, user_id)
    for instance in world.living():
        yield from complaints_at_rest(instance, world.plan.settings)
    for entry in world.ledger.standing():
        if not entry.settled:
            yield f"{entry} ({describe(entry.meaning)}) is not settled"


def debts(world: World) -> Iterator[str]:
    """Tell which digests are owed and not published."""
    for user_id in world.plan.users:
        for owed in world.checkpoint(user_id).cursor.outbox:
            yield f"{user_id} is still owed {owed.digest_id}"
    for digest in world.watch.answers.digests.values():
        if not world.watch.outputs.is_complete(digest):
            yield f"{digest.digest_id} was never published"


def untold(world: World) -> Iterator[str]:
    """Tell which active alarms a user does not know as they stand, after a last request."""
    for user_id in world.plan.users:
        oracle = world.watch.knowledge.possible(user_id)
        for alarm_id, alarm in world.checkpoint(user_id).alarms.items():
            if alarm.active and alarm.news:
                yield f"{user_id}/{alarm_id} is stored as news still"
        for name in oracle.events:
            at_ns, severity = oracle.current(*name)
            if severity is Severity.CLEARED or _is_blurred(world, *name):
                continue
            told = world.watch.outputs.told.get(name)
            if told is None or told.severity is not severity:
                yield f"{user_id}/{name[1]} {severity.name} was lost; told {told}"
            if oracle.is_news(*name):
                yield f"{user_id}/{name[1]} {severity.name} of {at_ns} is news still"


def _stored_complaints(world: World, user_id: UserID) -> Iterator[str]:
    oracle = world.watch.knowledge.possible(user_id)
    checkpoint = world.checkpoint(user_id)
    if world.plan.crowded and len(checkpoint.alarms) > ROOM:
        yield f"{user_id} has room for {ROOM} alarms, and {list(checkpoint.alarms)} are stored"
    known = {alarm_id for _, alarm_id in oracle.events}
    blurred = {alarm_id for alarm_id in known if _is_blurred(world, user_id, alarm_id)}
    if known - blurred != checkpoint.alarms.keys() - blurred:
        yield f"{user_id}: {list(checkpoint.alarms)} are stored, of {sorted(known)}"
        return
    for alarm_id in sorted(known - blurred):
        alarm = checkpoint.alarms[alarm_id]
        if _summary(oracle, user_id, alarm_id) != _stored(alarm):
            yield f"{user_id}/{alarm_id} is stored as {alarm}, the oracle says otherwise"


def _is_blurred(world: World, user_id: UserID, alarm_id: AlarmID) -> bool:
    """Whether nobody outside can tell how an alarm should be stored."""
    watch = world.watch
    return (user_id, alarm_id) in watch.blurred or watch.knowledge.was_forgotten(user_id, alarm_id)


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
