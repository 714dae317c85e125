"""Which requests were answered, and with which digest."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from actors.digest import RequestID

if TYPE_CHECKING:
    from collections.abc import Iterator

    from actors.alarms import UserID
    from actors.digest import Cursor, Digest, DigestID
    from bus.intake import Message
    from tests.simulation.outputs import Outputs


class Answers:
    """Follows requests by their ids."""

    def __init__(self, digests: dict[DigestID, Digest], outputs: Outputs) -> None:
        """Know of no request; ``digests`` are those that a checkpoint held."""
        self._digests = digests
        self._outputs = outputs
        self._answers: dict[RequestID, DigestID | None] = {}
        """None where there was nothing to tell."""
        self._asked: Counter[UserID] = Counter()

    def asked(self, user_id: UserID) -> None:
        """Note that some process is given a request, for the first time or again."""
        self._asked[user_id] += 1

    def complaints_of_save(self, user_id: UserID, before: Cursor, after: Cursor) -> Iterator[str]:
        """Tell what is wrong with how a save moved the cursor."""
        owed = before.outbox
        if owed is not None and after.outbox != owed and not self._outputs.is_complete(owed):
            yield f"the outbox was cleared before {owed.digest_id} was published"
        if len(set(after.answered)) < len(after.answered):
            yield f"a request was answered twice: {after.answered}"
        made = sum(digest.user_id == user_id for digest in self._digests.values())
        if made > self._asked[user_id]:
            yield f"{user_id} has {made} digests and asked {self._asked[user_id]} times"

    def noted(self, after: Cursor, made: Digest | None) -> Iterator[tuple[int, Digest | None]]:
        """Note the answers in a save; return each request's sequence with its digest.

        ``made`` is the digest that no save held before. Raises ``LookupError`` if nobody asked.
        """
        fresh = [item for item in after.answered if item not in self._answers]
        digest_of: dict[RequestID, Digest | None] = dict.fromkeys(fresh)
        if made is not None:
            digest_of[fresh[-1]] = made
        for request_id, digest in digest_of.items():
            self._answers[request_id] = None if digest is None else digest.digest_id
            yield int(request_id.rpartition(".")[2]), digest

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
