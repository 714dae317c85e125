"""Invariants that are checked as a history happens, on all that leaves the processes.

That is: saves that took effect, acknowledgements, publications.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.simulation.history import Bad, Event, Request, describe
from tests.simulation.knowledge import Knowledge
from tests.simulation.outputs import Outputs

if TYPE_CHECKING:
    from collections.abc import Callable

    from actors.alarms import Alarm, AlarmID, UserID
    from actors.digest import Digest, DigestID, DigestItem, RequestID
    from actors.ports import Checkpoint, CheckpointUpdate
    from actors.settings import CoreSettings
    from actors.simulation import ManualClock
    from bus.intake import Message
    from bus.memory import Published
    from tests.simulation.history import Meaning
    from tests.simulation.process import Process


class InvariantViolationError(AssertionError):
    """Raised when a history broke a promise."""


@dataclass(slots=True)
class Watch:
    """Sees all that leaves the processes; keeps the first broken promise.

    It cannot raise: it is called from within actors, which catch whatever comes.
    """

    settings: CoreSettings
    clock: ManualClock
    checkpoint: Callable[[UserID], Checkpoint]
    in_order: bool
    """Messages are handled in the order of their coming: none is set aside after a crash."""
    meanings: dict[int, Meaning] = field(default_factory=dict)
    """What was put into the stream, by sequence."""
    knowledge: Knowledge = field(default_factory=Knowledge)
    outputs: Outputs = field(default_factory=Outputs)
    digests: dict[DigestID, Digest] = field(default_factory=dict)
    """Every digest that a checkpoint held."""
    violation: str | None = None
    _answers: dict[RequestID, DigestID | None] = field(default_factory=dict)
    """The digest each request was answered with; None where there was nothing to tell."""
    _came_at_s: dict[int, int] = field(default_factory=dict)
    _heard_at_s: dict[tuple[UserID, AlarmID], int] = field(default_factory=dict)
    _acknowledged: set[int] = field(default_factory=set)

    def fail(self, what: str) -> None:
        """Note a broken promise, the first of a history."""
        if self.violation is None:
            self.violation = what

    def delivered(self, sequence: int) -> None:
        """Note that some process was given a message."""
        if sequence in self._came_at_s:
            return
        self._came_at_s[sequence] = self.clock.wall_s()
        meaning = self.meanings[sequence]
        if isinstance(meaning, Event):
            at_ns, severity = meaning.key
            self.knowledge.possible.receive(meaning.user_id, meaning.alarm_id, severity, at_ns)

    def saved(
        self, process: Process, update: CheckpointUpdate, before: Checkpoint, after: Checkpoint
    ) -> None:
        """Check a save that took effect."""
        for alarm_id, alarm in update.alarms.items():
            if alarm is None and alarm_id in before.alarms:
                self._forgotten(update.user_id, alarm_id, before.alarms[alarm_id])
        cursor, owed = after.cursor, before.cursor.outbox
        outbox = cursor.outbox
        if owed is not None and outbox != owed and not self.outputs.is_complete(owed):
            self.fail(f"the outbox was cleared before {owed.digest_id} was published")
        if len(set(cursor.answered)) < len(cursor.answered):
            self.fail(f"a request was answered twice: {cursor.answered}")
        fresh = [item for item in cursor.answered if item not in self._answers]
        if outbox is not None and outbox.digest_id not in self.digests:
            self.digests[outbox.digest_id] = outbox
            if not fresh:
                self.fail(f"{outbox.digest_id} answers a request that was answered already")
                return
            self._answered(process, update.user_id, fresh.pop(), outbox)
            self._check_told(outbox, after)
        for request_id in fresh:
            self._answered(process, update.user_id, request_id, None)

    def acknowledged(self, message: Message) -> None:
        """Check an acknowledgement at the moment it is sent."""
        sequence = message.sequence
        meaning = self.meanings[sequence]
        self._acknowledged.add(sequence)
        match meaning:
            case Bad():
                if not self.outputs.is_dead_letter(sequence, message.body):
                    self.fail(f"#{sequence} was acknowledged before it was a dead letter")
            case Request():
                self._check_answered(message)
            case Event():
                self._check_covered(sequence, meaning)

    def rejected(self, message: Message, reason: str) -> None:
        """Check that a message deserved to become a dead letter."""
        meaning = self.meanings[message.sequence]
        if not isinstance(meaning, Bad):
            self.fail(f"#{message.sequence} ({describe(meaning)}) was rejected: {reason}")

    def published(self, published: Published) -> None:
        """Check what reached a stream for the first time."""
        complaint = self.outputs.add(published, self.digests)
        if complaint is not None:
            self.fail(complaint)

    def _answered(
        self, process: Process, user_id: UserID, request_id: RequestID, digest: Digest | None
    ) -> None:
        self._answers[request_id] = None if digest is None else digest.digest_id
        items: tuple[DigestItem, ...] = () if digest is None else digest.items
        if (digest is None or not items) and (digest is None) != self.settings.skip_empty_digests:
            self.fail(
                f"{request_id}: an empty digest was{'' if digest is None else ' not'} skipped"
            )
        taken = self._taken_before(process, int(request_id.rpartition(".")[2]))
        for complaint in self.knowledge.complaints(user_id, items, taken):
            self.fail(f"{request_id}: {complaint}")

    def _taken_before(self, process: Process, request: int) -> list[Event]:
        """Return what the process took before the request and is not acknowledged yet."""
        if not self.in_order:
            return []
        asked = process.entered[request]
        return [
            meaning
            for sequence, entered in process.entered.items()
            if entered < asked
            and sequence not in self._acknowledged
            and isinstance(meaning := self.meanings[sequence], Event)
        ]

    def _check_told(self, digest: Digest, after: Checkpoint) -> None:
        self.knowledge.tell(digest)
        for alarm_id, severity, at_ns in digest.items:
            stored = after.alarms.get(alarm_id)
            if stored is None or (stored.told_severity, stored.told_at_ns) != (severity, at_ns):
                self.fail(f"{digest.user_id}/{alarm_id} is in a digest and not marked as told")

    def _forgotten(self, user_id: UserID, alarm_id: AlarmID, alarm: Alarm) -> None:
        """Check that an alarm may leave memory."""
        silent_s = self.clock.wall_s() - self._heard_at_s.get((user_id, alarm_id), 0)
        keep_s = self.settings.cleared_retention_s
        if alarm.active or not keep_s or silent_s < keep_s:
            self.fail(f"{user_id}/{alarm_id}, {alarm.severity.name}, forgotten after {silent_s} s")
        still_to_come = [
            meaning
            for sequence, meaning in self.meanings.items()
            if isinstance(meaning, Event)
            and sequence in self._came_at_s
            and sequence not in self._acknowledged
        ]
        self.knowledge.forget(user_id, alarm_id, still_to_come)

    def _check_covered(self, sequence: int, event: Event) -> None:
        user_id, alarm_id, key = event
        stored = self.checkpoint(user_id).alarms.get(alarm_id)
        name = f"#{sequence} ({describe(event)})"
        if stored is None:
            self.fail(f"{name} was acknowledged and is in no checkpoint")
            return
        if (stored.changed_at_ns, stored.severity) < key:
            self.fail(f"{name} was acknowledged, the checkpoint is older")
        untold = stored.told_at_ns is None or key > (stored.told_at_ns, stored.told_severity)
        if untold and key[1] is not stored.told_severity and not stored.news:
            self.fail(f"{name} was acknowledged, the checkpoint does not know that it is news")
        self.knowledge.sure.receive(user_id, alarm_id, key[1], key[0])
        heard_at_s = self._heard_at_s.get((user_id, alarm_id), 0)
        self._heard_at_s[user_id, alarm_id] = max(heard_at_s, self._came_at_s[sequence])

    def _check_answered(self, message: Message) -> None:
        request_id = next((name for name in self._answers if name == message.identity), None)
        if request_id is None:
            self.fail(f"#{message.sequence} was acknowledged and not answered")
            return
        digest_id = self._answers[request_id]
        if digest_id is not None and not self.outputs.is_complete(self.digests[digest_id]):
            self.fail(f"#{message.sequence} was acknowledged before its digest was published")
