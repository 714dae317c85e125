"""Whether what is regarded as settled is: durable in a checkpoint, answered, or a dead letter."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actors.rules.alarms import Severity
from tests.simulation.course.traffic import Bad, Event, Foreign, Request, describe

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from actors.ports import Checkpoint
    from actors.rules.alarms import Alarm, AlarmID, UserID
    from actors.rules.positions import Place
    from tests.oracle import Key
    from tests.simulation.course.plan import Plan
    from tests.simulation.oracle.answers import Answers
    from tests.simulation.oracle.knowledge import Knowledge
    from tests.simulation.oracle.ledger import Entry, Ledger
    from tests.simulation.oracle.outputs import Outputs

_NEVER = (-(2**63), Severity.CLEARED)

WALL_TOLERANCE_S = 4
"""Clocks of two instances differ by less, and each sees whole seconds only."""


class Settling:
    """Looks into the checkpoints whenever a position moves or a producer is answered."""

    def __init__(
        self,
        plan: Plan,
        ledger: Ledger,
        knowledge: Knowledge,
        answers: Answers,
        outputs: Outputs,
        checkpoint: Callable[[UserID], Checkpoint],
    ) -> None:
        """Know of nothing that is settled."""
        self._plan = plan
        self._ledger = ledger
        self._knowledge = knowledge
        self._answers = answers
        self._outputs = outputs
        self._checkpoint = checkpoint
        self._forgotten_keys: dict[tuple[UserID, AlarmID], Key] = {}

    def passed(self, partition: int, place: Place) -> Iterator[str]:
        """Tell what is wrong with a partition's position being at a place."""
        if place.sequence == 0:
            return
        stands_on = self._ledger.at(place)
        if stands_on is None:
            yield f"the position of {partition}, {place}, is no place of any message"
            return
        passed = [
            entry
            for entry in self._ledger.unsettled(partition)
            if entry is stands_on or entry.stood_before(stands_on)
        ]
        for entry in passed:
            if not entry.unread and (complaint := self.complaint(entry)) is not None:
                yield f"the position of {partition} passed {place.sequence}, and {complaint}"
        self._ledger.settle(passed)

    def complaint(self, entry: Entry) -> str | None:
        """Tell why something is not settled; None when it is."""
        if self._outputs.is_dead_letter(entry):
            return None
        match entry.meaning:
            case Foreign():
                return None
            case Bad():
                return f"{entry}, a bad message, is no dead letter"
            case Request(user_id):
                owed = self._checkpoint(user_id).cursor.outbox
                return self._answers.complaint_of_settling(entry, owed)
            case Event() as event:
                return self._uncovered(entry, event)

    def _uncovered(self, entry: Entry, event: Event) -> str | None:
        user_id, alarm_id, key = event
        if self._forgotten_keys.get((user_id, alarm_id), _NEVER) >= key:
            return None  # forgotten since, or with this event in it
        stored = self._checkpoint(user_id).alarms.get(alarm_id)
        name = f"{entry} ({describe(event)})"
        if stored is None:
            return f"{name} is in no checkpoint"
        if (stored.changed_at_ns, stored.severity) < key:
            return f"{name} is newer than the checkpoint"
        untold = stored.told_at_ns is None or key > (stored.told_at_ns, stored.told_severity)
        if untold and key[1] is not stored.told_severity and not stored.news:
            return f"{name} is news, the checkpoint does not know"
        return None

    def forgotten(
        self, user_id: UserID, alarm_id: AlarmID, stored: Alarm | None, wall_s: int
    ) -> str | None:
        """Tell why an alarm must not be forgotten now; note that it is.

        What it stood at in memory, the latest clear, may have come since it was ``stored``.
        """
        events = [
            entry
            for entry in self._ledger.of_user(user_id)
            if isinstance(entry.meaning, Event) and entry.meaning.alarm_id == alarm_id
        ]
        keys = [entry.meaning.key for entry in events if isinstance(entry.meaning, Event)]
        key = max((key for key in keys if key[1] is Severity.CLEARED), default=_NEVER)
        active = stored is not None and (stored.changed_at_ns, stored.severity) > key
        applied = (
            entry.put_at_s
            for entry in events
            if entry.settled and not self._outputs.is_dead_letter(entry)
        )
        heard_at_s = max(applied, default=0)
        silent_s = wall_s - heard_at_s + WALL_TOLERANCE_S
        keep_s = self._plan.settings.cleared_retention_s
        self._knowledge.forget(user_id, alarm_id)
        self._forgotten_keys[user_id, alarm_id] = max(keys, default=_NEVER)
        if active or key == _NEVER or not keep_s or silent_s < keep_s:
            return f"{user_id}/{alarm_id}, {stored}, was forgotten after {silent_s} s"
        return None
