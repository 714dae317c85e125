"""The watch: sees all that leaves the instances, and keeps the first broken promise.

That is: saves that took effect, writes to the homes, publications, answers to producers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.simulation.course.traffic import SUBJECTS, Bad, Event, describe
from tests.simulation.oracle.answers import Answers
from tests.simulation.oracle.homes import HomesWatch
from tests.simulation.oracle.knowledge import Knowledge
from tests.simulation.oracle.outputs import Outputs
from tests.simulation.oracle.settling import Settling
from tests.simulation.trace import Happening
from tests.simulation.world.poison import POISON

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from actors.ports import Checkpoint, CheckpointUpdate
    from actors.rules.alarms import AlarmID, UserID
    from actors.rules.digest import Digest
    from bus.outbound.message import OutgoingMessage
    from store.homes.memory import InMemoryHomeStore
    from tests.simulation.course.plan import Plan
    from tests.simulation.oracle.ledger import Entry, Ledger
    from tests.simulation.oracle.note import Note
    from tests.simulation.world.instance import Instance
    from tests.simulation.world.time import Time


class InvariantViolationError(AssertionError):
    """Raised when a history broke a promise."""


class Watch:
    """It cannot raise: it is called from within actors, which catch whatever comes."""

    def __init__(
        self,
        plan: Plan,
        time: Time,
        ledger: Ledger,
        homes: InMemoryHomeStore,
        checkpoint: Callable[[UserID], Checkpoint],
        note: Note,
    ) -> None:
        """See nothing yet."""
        self.violation: str | None = None
        self._plan = plan
        self._ledger = ledger
        self._checkpoint = checkpoint
        self._note = note
        self.outputs = Outputs()
        self.knowledge = Knowledge(ledger)
        self.answers = Answers(plan, ledger, self.knowledge, self.outputs, note)
        self.settling = Settling(
            plan, ledger, self.knowledge, self.answers, self.outputs, checkpoint
        )
        self.homes = HomesWatch(
            homes, time, ledger, self.settling, note, self.fail, plan.settings.lease_s
        )
        self.blurred: set[tuple[UserID, AlarmID]] = set()
        """Alarms of which one of the events became a dead letter, applied before or not: nobody
        outside can tell how they should be stored."""

    def fail(self, what: str) -> None:
        """Note a broken promise, the first of a history."""
        if self.violation is None:
            self.violation = what

    def raise_violation(self) -> None:
        """Raise the first broken promise, if there is one."""
        if self.violation is not None:
            raise InvariantViolationError(self.violation)

    def saved(
        self, instance: Instance, update: CheckpointUpdate, before: Checkpoint, after: Checkpoint
    ) -> None:
        """Check a save that took effect."""
        user_id = update.user_id
        made = [one for one in after.cursor.outbox if one.digest_id not in self.answers.digests]
        for complaint in self.answers.saved(instance, user_id, before.cursor, after.cursor):
            self.fail(complaint)
        forgotten = [alarm_id for alarm_id, alarm in update.alarms.items() if alarm is None]
        self._check_told(made, after, forgotten)
        # Last: the digests were made from what is forgotten now.
        for alarm_id in forgotten:
            self._note("store", Happening.FORGOTTEN, f"{user_id}/{alarm_id}")
            wall_s = instance.clock.wall_s()
            stored = before.alarms.get(alarm_id)
            unfit = self.settling.forgotten(user_id, alarm_id, stored, wall_s)
            if unfit is not None:
                self.fail(unfit)

    def sent(self, instance: Instance, published: OutgoingMessage) -> None:
        """Check that who sends a digest is at home for its user, as far as is stored."""
        if published.subject == SUBJECTS.dead_letter or self._plan.core:
            return
        number = self._plan.partition_of(self.outputs.user_of(published))
        complaint = self.homes.complaint_of_sending(instance, number)
        if complaint is not None:
            self.fail(complaint)

    def published(self, published: OutgoingMessage) -> None:
        """Check what reached a stream for the first time."""
        if published.subject == SUBJECTS.dead_letter:
            self._check_dead_letter(*self.outputs.add_dead_letter(published))
            return
        complaint = self.outputs.add_digest(published, self.answers.digests)
        if complaint is not None:
            self.fail(complaint)

    def given_up(self, entry: Entry) -> None:
        """Note that an instance is about to make a dead letter of this."""
        self.knowledge.given_up.add(entry.number)
        if isinstance(entry.meaning, Event):
            self.blurred.add((entry.meaning.user_id, entry.meaning.alarm_id))

    def lost(self, entry: Entry) -> None:
        """Note that something left the log before it was settled: some may have applied it."""
        if isinstance(entry.meaning, Event) and not entry.settled:
            self.blurred.add((entry.meaning.user_id, entry.meaning.alarm_id))

    def _check_told(
        self, made: Collection[Digest], after: Checkpoint, forgotten: Collection[AlarmID]
    ) -> None:
        """Check that alarms are marked, unless they cleared and were silent until this save."""
        told = {item.alarm_id: (item, digest) for digest in made for item in digest.items}
        for alarm_id, (item, digest) in told.items():
            if alarm_id in forgotten:
                continue
            stored = after.alarms.get(alarm_id)
            mark = (item.severity, item.changed_at_ns)
            if stored is None or (stored.told_severity, stored.told_at_ns) != mark:
                self.fail(f"{digest.user_id}/{alarm_id} is in a digest and not marked as told")

    def _check_dead_letter(self, identity: str, reason: str) -> None:
        """Check that a message deserved to become one."""
        entry = self._ledger.identified(identity)
        if isinstance(entry.meaning, Bad):
            return
        full = self._plan.crowded and isinstance(entry.meaning, Event) and "no room" in reason
        if full:
            self._note("stream", Happening.NO_ROOM, entry)
        elif POISON not in reason:
            self.fail(f"{entry} ({describe(entry.meaning)}) was rejected: {reason}")
