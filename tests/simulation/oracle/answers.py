"""Which requests were answered, when, and with which digests.

A request bears a trace context of its own, which its digests bear on: so one sees from outside
which digest answers which request.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.simulation.course.traffic import Request
from tests.simulation.trace import Happening

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from actors.rules.alarms import UserID
    from actors.rules.digest import Cursor, Digest, DigestID
    from actors.rules.positions import Place
    from tests.simulation.course.plan import Plan
    from tests.simulation.oracle.knowledge import Knowledge
    from tests.simulation.oracle.ledger import Entry, Ledger
    from tests.simulation.oracle.note import Note
    from tests.simulation.oracle.outputs import Outputs


def traceparent_of(number: int) -> str:
    """Return the trace context of the request that was put in as the ``number``-th message."""
    return f"00-{number:032x}-{number:016x}-01"


class Answers:
    """Follows requests from the log into the checkpoints."""

    def __init__(
        self, plan: Plan, ledger: Ledger, knowledge: Knowledge, outputs: Outputs, note: Note
    ) -> None:
        """Know of no answer."""
        self._plan = plan
        self._ledger = ledger
        self._knowledge = knowledge
        self._outputs = outputs
        self._note = note
        self.digests: dict[DigestID, Digest] = {}
        """Every digest that a checkpoint held."""

    def saved(self, who: object, user_id: UserID, before: Cursor, after: Cursor) -> Iterator[str]:
        """Tell what is wrong with how a save moved the cursor."""
        yield from self._outbox_complaints(before, after)
        made: dict[Entry, list[Digest]] = {}
        for digest in after.outbox:
            if digest.digest_id in self.digests:
                continue
            self.digests[digest.digest_id] = digest
            request = self._request_of(digest)
            if request is None or digest.user_id != user_id:
                yield f"{digest} answers no request of {user_id}"
                continue
            # Of two logs nobody can say which place is behind which: rather twice than never.
            if request.answered and request.lost_at is None:
                yield f"{request} was answered before, and again with {digest.digest_id}"
            request.digests.append(digest.digest_id)
            made.setdefault(request, []).append(digest)
        answered: list[Entry] = []
        if after.answered is not None and after.answered != before.answered:
            last = self._answered_last(user_id, before.answered, after.answered)
            yield from self._cursor_complaints(user_id, last, before.answered, after.answered)
            answered = self._passed(user_id, last)
        for request in sorted({*made, *answered}, key=lambda entry: entry.number):
            digests = made.get(request, [])
            yield from self._answer_complaints(request, digests)
            if request in answered:
                request.answered = bool(digests) or not self._is_given_up(request)
                yield from self._complaints_when_answered(request, user_id)
            else:
                self._note(who, Happening.PART, request)

    def complaint_of_settling(self, request: Entry, owed: Sequence[Digest]) -> str | None:
        """Tell what is wrong with regarding a request as settled; its user is ``owed`` these."""
        if not (request.answered or self._is_given_up(request)):
            return f"{request} is settled and not answered"
        for digest_id in request.digests:
            if not self._outputs.is_complete(self.digests[digest_id]):
                return f"{request} is settled before {digest_id} is published"
            if any(digest.digest_id == digest_id for digest in owed):
                return f"{request} is settled while the checkpoint owes {digest_id}"
        return None

    def _is_given_up(self, request: Entry) -> bool:
        """Whether somebody was about to make a dead letter of it, and may have died before that.

        Where a later request was answered, it is regarded as answered when it is read again.
        """
        return request.number in self._knowledge.given_up

    def _outbox_complaints(self, before: Cursor, after: Cursor) -> Iterator[str]:
        kept = {digest.digest_id for digest in after.outbox}
        for digest in before.outbox:
            if digest.digest_id not in kept and not self._outputs.is_complete(digest):
                yield f"the outbox was cleared before {digest.digest_id} was published"
        still = [digest for digest in before.outbox if digest.digest_id in kept]
        if list(after.outbox[: len(still)]) != still:
            yield f"the outbox has another order: {before.outbox}, then {after.outbox}"

    def _request_of(self, digest: Digest) -> Entry | None:
        parts = (digest.traceparent or "").split("-")
        number = int(parts[1], 16) if len(parts) == 4 else 0
        if not 0 < number <= len(self._ledger.entries):
            return None
        entry = self._ledger.entries[number - 1]
        return entry if isinstance(entry.meaning, Request) else None

    def _answered_last(self, user_id: UserID, before: Place | None, after: Place) -> Entry | None:
        """Return the request at a cursor.

        Who stood still while the log was lost may answer a request of it late, which leaves the
        cursor the time that it had.
        """
        found = self._ledger.at(after)
        if found is not None or before is None or before.timestamp_ns != after.timestamp_ns:
            return found
        late = [
            entry
            for entry in self._ledger.of_user(user_id)
            if entry.sequence == after.sequence
            and entry.timestamp_ns < after.timestamp_ns
            and entry.lost_at is not None
        ]
        return late[-1] if late else None

    def _cursor_complaints(
        self, user_id: UserID, last: Entry | None, before: Place | None, after: Place
    ) -> Iterator[str]:
        if last is None or last.meaning != Request(user_id):
            yield f"{user_id}: {after} is no place of a request"
        if before is not None and after.timestamp_ns < before.timestamp_ns:
            yield f"{user_id}: the cursor went back from {before} to {after}"

    def _passed(self, user_id: UserID, last: Entry | None) -> list[Entry]:
        """Return the requests that a cursor at ``last`` has passed, and none before had."""
        return [
            entry
            for entry in self._ledger.of_user(user_id)
            if isinstance(entry.meaning, Request)
            and not (entry.answered or entry.unread)
            and last is not None
            and (entry is last or entry.stood_before(last))
        ]

    def _answer_complaints(self, request: Entry, digests: Sequence[Digest]) -> Iterator[str]:
        for digest in digests:
            for complaint in self._knowledge.item_complaints(request, digest):
                yield f"{request}: {complaint}"
            if not digest.items and self._plan.settings.skip_empty_digests:
                yield f"{request}: an empty digest was not skipped"
            self._knowledge.tell(digest)

    def _complaints_when_answered(self, request: Entry, user_id: UserID) -> Iterator[str]:
        skipped = self._plan.settings.skip_empty_digests or self._is_given_up(request)
        if not (request.digests or skipped):
            yield f"{request} was passed over without an answer"
        if request.answered and not self._plan.crowded:  # what has no room need not be in a digest
            for complaint in self._knowledge.missing(request, user_id):
                yield f"{request}: {complaint}"
