"""Invariants that are checked as a history happens, on all that leaves the processes.

That is: saves that took effect, acknowledgements, publications.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from actors.rules.alarms import Severity
from tests.simulation.answers import Answers
from tests.simulation.faults import POISON
from tests.simulation.history import SUBJECTS, Bad, Event, Foreign, Request, describe
from tests.simulation.knowledge import Knowledge
from tests.simulation.outputs import Outputs
from tests.simulation.trace import Happening

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from actors.ports import Checkpoint, CheckpointUpdate
    from actors.rules.alarms import Alarm, AlarmID, UserID
    from actors.rules.digest import Digest, DigestID, DigestItem
    from actors.runtime.simulated import ManualClock
    from bus.inbound.intake import Message
    from bus.outbound.message import OutgoingMessage
    from tests.oracle import Key
    from tests.simulation.history import Meaning
    from tests.simulation.plan import Plan
    from tests.simulation.process import Process


_NEVER = (-(2**63), Severity.CLEARED)


class InvariantViolationError(AssertionError):
    """Raised when a history broke a promise."""


class Note(Protocol):
    """Adds to the trace."""

    def __call__(self, who: object, what: Happening, *details: object) -> None:
        """See ``Trace.note``."""


@dataclass(slots=True)
class Watch:
    """Sees all that leaves the processes; keeps the first broken promise.

    It cannot raise: it is called from within actors, which catch whatever comes.
    """

    plan: Plan
    clock: ManualClock
    checkpoint: Callable[[UserID], Checkpoint]
    note: Note
    is_to_come: Callable[[int], bool]
    """Whether a message that was delivered may still be applied by somebody."""
    meanings: dict[int, Meaning] = field(default_factory=dict)
    """What was put into the stream, by sequence."""
    knowledge: Knowledge = field(default_factory=Knowledge)
    outputs: Outputs = field(default_factory=Outputs)
    digests: dict[DigestID, Digest] = field(default_factory=dict)
    """Every digest that a checkpoint held."""
    blurred: set[tuple[UserID, AlarmID]] = field(default_factory=set)
    """Alarms of which nobody outside can tell what they should be: one of their events became a
    dead letter, applied before or not, or one process forgot what another knew."""
    violation: str | None = None
    _answers: Answers = field(init=False)
    _came_at_s: dict[int, int] = field(default_factory=dict)
    _heard_at_s: dict[tuple[UserID, AlarmID], int] = field(default_factory=dict)
    _forgotten_keys: dict[tuple[UserID, AlarmID], Key] = field(default_factory=dict)
    _acknowledged: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        """Know nothing of requests."""
        self._answers = Answers(self.digests, self.outputs, self.plan)

    def fail(self, what: str) -> None:
        """Note a broken promise, the first of a history."""
        if self.violation is None:
            self.violation = what

    def was_delivered(self, sequence: int) -> bool:
        """Whether some process was given a message before."""
        return sequence in self._came_at_s

    def delivered(self, sequence: int) -> None:
        """Note that some process is given a message."""
        meaning = self.meanings[sequence]
        if isinstance(meaning, Request):
            self._answers.asked(meaning.user_id)
        if isinstance(meaning, Event):
            at_ns, severity = meaning.key
            name = (meaning.user_id, meaning.alarm_id)
            # Again only of an alarm that was forgotten since: repeats change nothing.
            if meaning.key not in self.knowledge.possible.events.get(name, ()):
                self.knowledge.possible.receive(*name, severity, at_ns)
        self._came_at_s.setdefault(sequence, self.clock.wall_s())

    def saved(
        self, process: Process, update: CheckpointUpdate, before: Checkpoint, after: Checkpoint
    ) -> None:
        """Check a save that took effect."""
        user_id = update.user_id
        outbox = after.cursor.outbox
        made = None if outbox is None or outbox.digest_id in self.digests else outbox
        if made is not None:
            self.digests[made.digest_id] = made
        for complaint in self._answers.complaints_of_save(before.cursor, after.cursor):
            self.fail(complaint)
        try:
            for sequence, digest in self._answers.noted(user_id, after.cursor, made):
                self._check_answer(process, user_id, sequence, digest)
        except LookupError:
            self.fail(f"{made} answers no request, or one that was answered already")
        forgotten = [alarm_id for alarm_id, alarm in update.alarms.items() if alarm is None]
        if made is not None:
            self._check_told(made, after, forgotten)
        # Last: the digest was made from what is forgotten now.
        for alarm_id in forgotten:
            self._forgotten(user_id, alarm_id, before.alarms.get(alarm_id))

    def acknowledged(self, message: Message) -> None:
        """Check an acknowledgement at the moment it is sent."""
        sequence = message.sequence
        meaning = self.meanings[sequence]
        self._acknowledged.add(sequence)
        if self.outputs.is_dead_letter(sequence, message.body):
            return
        match meaning:
            case Bad():
                self.fail(f"#{sequence} was acknowledged before it was a dead letter")
            case Request():
                complaint = self._answers.complaint_of_acknowledgement(message)
                if complaint is not None:
                    self.fail(complaint)
            case Event():
                self._check_covered(sequence, meaning)
            case Foreign():
                pass

    def published(self, published: OutgoingMessage) -> None:
        """Check what reached a stream for the first time."""
        if published.subject == SUBJECTS.dead_letter:
            self._check_dead_letter(*self.outputs.add_dead_letter(published))
            return
        complaint = self.outputs.add_digest(published, self.digests)
        if complaint is not None:
            self.fail(complaint)

    def _check_answer(
        self, process: Process, user_id: UserID, sequence: int | None, digest: Digest | None
    ) -> None:
        """Check a digest, or that there was nothing to tell, against what is known."""
        items: tuple[DigestItem, ...] = () if digest is None else digest.items
        skipped = self.plan.settings.skip_empty_digests or user_id in self._answers.in_parts
        if digest is None and not skipped:
            self.fail(f"#{sequence}: an empty digest was skipped")
        if digest is not None and not items and self.plan.settings.skip_empty_digests:
            self.fail(f"#{sequence}: an empty digest was not skipped")
        if sequence is None:
            self.note(process, Happening.PART, user_id)
        taken = [] if sequence is None else self._taken_before(process, sequence)
        for complaint in self.knowledge.complaints(user_id, items, taken, part=sequence is None):
            self.fail(f"#{sequence}: {complaint}")

    def _taken_before(self, process: Process, request: int) -> list[Event]:
        """Return what the process took before the request and is not acknowledged yet."""
        if self.plan.poison or self.plan.crowded:
            return []  # what is set aside after a crash, or has no room, need not be in a digest
        asked = process.entered[request]
        return [
            meaning
            for sequence, entered in process.entered.items()
            if entered < asked
            and sequence not in self._acknowledged
            and isinstance(meaning := self.meanings[sequence], Event)
        ]

    def _check_told(
        self, digest: Digest, after: Checkpoint, forgotten: Collection[AlarmID]
    ) -> None:
        """Check that an alarm is marked, unless it cleared and was silent until this save."""
        self.knowledge.tell(digest)
        for alarm_id, severity, at_ns in digest.items:
            if alarm_id in forgotten:
                continue
            stored = after.alarms.get(alarm_id)
            if stored is None or (stored.told_severity, stored.told_at_ns) != (severity, at_ns):
                self.fail(f"{digest.user_id}/{alarm_id} is in a digest and not marked as told")

    def _forgotten(self, user_id: UserID, alarm_id: AlarmID, stored: Alarm | None) -> None:
        """Check that an alarm may leave memory.

        What it stood at there, the latest clear, may have come since it was ``stored``.
        """
        name, cleared = (user_id, alarm_id), Severity.CLEARED
        self.note("store", Happening.FORGOTTEN, f"{user_id}/{alarm_id}")
        keys = self.knowledge.possible.events.get(name, ())
        key = max((key for key in keys if key[1] is cleared), default=_NEVER)
        active = stored is not None and (stored.changed_at_ns, stored.severity) > key
        silent_s = self.clock.wall_s() - self._heard_at_s.get(name, 0)
        keep_s = self.plan.settings.cleared_retention_s
        if active or key == _NEVER or not keep_s or silent_s < keep_s:
            self.fail(f"{user_id}/{alarm_id}, {stored}, was forgotten after {silent_s} s")
        still_to_come = {
            sequence: meaning
            for sequence in self._came_at_s
            if isinstance(meaning := self.meanings[sequence], Event)
            and (meaning.user_id, meaning.alarm_id) == name
            and self.is_to_come(sequence)
        }
        if self._acknowledged & still_to_come.keys():
            self.blurred.add(name)  # it comes unless the process that holds it dies
        self.knowledge.forget(user_id, alarm_id, still_to_come.values())
        self._forgotten_keys[name] = key

    def _check_covered(self, sequence: int, event: Event) -> None:
        user_id, alarm_id, key = event
        if self._forgotten_keys.get((user_id, alarm_id), _NEVER) >= key:
            # One process forgot it since, or with this event in it; others may know the alarm.
            self.blurred.add((user_id, alarm_id))
            return
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

    def _check_dead_letter(self, sequence: int, reason: str) -> None:
        """Check that a message deserved to become one."""
        meaning = self.meanings[sequence]
        if isinstance(meaning, Bad):
            return
        full = self.plan.crowded and isinstance(meaning, Event) and "no room" in reason
        if full:
            self.note("stream", Happening.NO_ROOM, f"#{sequence}")
        elif POISON not in reason:
            self.fail(f"#{sequence} ({describe(meaning)}) was rejected: {reason}")
        if isinstance(meaning, Event):
            self.blurred.add((meaning.user_id, meaning.alarm_id))
