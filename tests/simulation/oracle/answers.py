"""Which requests were answered, and with which digest."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from actors.rules.digest import ANSWERED_REQUESTS_KEPT, RequestID

if TYPE_CHECKING:
    from collections.abc import Iterator

    from actors.rules.alarms import UserID
    from actors.rules.digest import Cursor, Digest, DigestID
    from bus.inbound.intake import Message
    from tests.simulation.outputs import Outputs
    from tests.simulation.plan import Plan


class Answers:
    """Follows requests by their ids."""

    def __init__(self, digests: dict[DigestID, Digest], outputs: Outputs, plan: Plan) -> None:
        """Know of no request; ``digests`` are those that a checkpoint held."""
        self._digests = digests
        self._outputs = outputs
        self._plan = plan
        self.in_parts: set[UserID] = set()
        """Users of whom a request was answered with several digests, or began to be."""
        self._answers: dict[RequestID, DigestID | None] = {}
        """None where there was nothing to tell."""
        self._given: dict[UserID, list[RequestID]] = defaultdict(list)
        self._asked: Counter[UserID] = Counter()

    def asked(self, user_id: UserID) -> None:
        """Note that some process is given a request, for the first time or again."""
        self._asked[user_id] += 1

    def complaints_of_save(self, before: Cursor, after: Cursor) -> Iterator[str]:
        """Tell what is wrong with how a save moved the cursor."""
        owed = before.outbox
        if owed is not None and after.outbox != owed and not self._outputs.is_complete(owed):
            yield f"the outbox was cleared before {owed.digest_id} was published"
        if len(set(after.answered)) < len(after.answered):
            yield f"a request was answered twice: {after.answered}"

    def noted(
        self, user_id: UserID, after: Cursor, made: Digest | None
    ) -> Iterator[tuple[int | None, Digest | None]]:
        """Note the answers in a save; return each request's sequence with its digest.

        ``made`` is the digest that no save held before. It has no sequence while another one, that
        is to follow, answers the request. Raises ``LookupError`` if nobody asked.
        """
        fresh = [item for item in after.answered if item not in self._answers]
        if made is not None and not fresh:
            fresh = self._forgotten(user_id, after)
        digest_of: dict[RequestID, Digest | None] = dict.fromkeys(fresh)
        part = None
        if made is not None:
            # Where empty digests are skipped, one save may answer a request with nothing and hold a
            # part of the next one's answer, or the answer to the first: the outside cannot tell.
            in_doubt = self._plan.settings.skip_empty_digests or not fresh
            if in_doubt and self._may_be_part(made, len(fresh)):
                part = made
                self.in_parts.add(user_id)
            else:
                digest_of[fresh[-1]] = made
        for request_id, digest in digest_of.items():
            self._answers[request_id] = None if digest is None else digest.digest_id
            self._given[user_id].append(request_id)
            if part is None or request_id != fresh[-1]:
                yield int(request_id.rpartition(".")[2]), digest
        if part is not None:
            yield None, part
        if len(self._given[user_id]) > self._asked[user_id]:
            raise LookupError(user_id)

    def _may_be_part(self, digest: Digest, others: int) -> bool:
        """Whether more may follow: it is full, or the store refused a larger one.

        And somebody asked, beside the ``others`` that are answered with the same save.
        """
        user_id, alarms = digest.user_id, len(digest.items)
        asked = self._asked[user_id] > len(self._given[user_id]) + others
        full = alarms == self._plan.digest_alarms_max
        return asked and (full or (self._plan.poison > 0 and alarms > 0))

    def _forgotten(self, user_id: UserID, after: Cursor) -> list[RequestID]:
        """Return the request answered last, if too many were answered since it first was."""
        remembered = self._given[user_id][-ANSWERED_REQUESTS_KEPT:]
        again = [item for item in after.answered[-1:] if item not in remembered]
        self._asked[user_id] += len(again)
        return again

    def complaint_of_acknowledgement(self, message: Message) -> str | None:
        """Tell what is wrong with acknowledging a request."""
        assert message.identity is not None
        request_id = RequestID(message.identity)
        if request_id not in self._answers:
            return f"#{message.sequence} was acknowledged and not answered"
        digest_id = self._answers[request_id]
        if digest_id is not None and not self._outputs.is_complete(self._digests[digest_id]):
            return f"#{message.sequence} was acknowledged before its digest was published"
        return None
