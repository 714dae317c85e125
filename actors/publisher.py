"""PublisherActor: gets owed digests out, each again under its own id until the stream has it."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, assert_never

from actors.messages.publisher import PublisherMessage, PublishOutbox, PublishSettled, RetryPublish
from actors.messages.user import OutboxPublished
from actors.runtime.pooled import tell_if_alive
from actors.runtime.supervision import ServiceActor
from actors.tally import CoreTally

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

    from pykka import ActorRef

    from actors.errors import PublishFailedError
    from actors.ports import DigestPublisher
    from actors.rules.digest import Digest, DigestID
    from actors.runtime.pooled import Dispatcher, Scheduler
    from actors.settings import CoreSettings

logger = logging.getLogger("actors.publisher")


@dataclass(slots=True)
class _Owed:
    digest: Digest
    reply_to: ActorRef[Any]
    attempt: int = 1


class PublisherActor(ServiceActor):
    """Never blocks; what it holds is bounded by one digest a live user."""

    def __init__(
        self,
        dispatcher: Dispatcher,
        escalate: Callable[[str], None],
        settings: CoreSettings,
        publisher: DigestPublisher,
        scheduler: Scheduler,
        random: Random,
        tally: CoreTally | None = None,
    ) -> None:
        """Create it, unstarted."""
        super().__init__(dispatcher, escalate)
        self._settings = settings
        self._publisher = publisher
        self._scheduler = scheduler
        self._random = random
        self._tally = tally or CoreTally()
        self._owed: dict[DigestID, _Owed] = {}

    def on_receive(self, message: PublisherMessage) -> None:
        """Handle one message. Runs on the dispatcher's thread."""
        match message:
            case PublishOutbox(digest, reply_to):
                self._begin(digest, reply_to)
            case RetryPublish(digest_id):
                self._attempt(self._owed[digest_id].digest)
            case PublishSettled(digest_id, error):
                self._end(digest_id, error)
            case _:
                assert_never(message)

    def _begin(self, digest: Digest, reply_to: ActorRef[Any]) -> None:
        owed = self._owed.get(digest.digest_id)
        if owed is not None:
            # The user was reloaded while its digest was on the way; the answer goes to the heir.
            owed.reply_to = reply_to
            return
        self._owed[digest.digest_id] = _Owed(digest, reply_to)
        self._attempt(digest)

    def _attempt(self, digest: Digest) -> None:
        digest_id = digest.digest_id
        ref = self.actor_ref

        def settled(error: PublishFailedError | None) -> None:
            tell_if_alive(ref, PublishSettled(digest_id, error))

        self._publisher.publish(digest, settled)

    def _end(self, digest_id: DigestID, error: PublishFailedError | None) -> None:
        owed = self._owed[digest_id]
        if error is None:
            del self._owed[digest_id]
            self._tally.digests_published += 1
            self._tally.digest_alarms.observe(len(owed.digest.items))
            logger.info(
                "digest.published",
                extra={"user": owed.digest.user_id, "alarms": len(owed.digest.items)},
            )
            tell_if_alive(owed.reply_to, OutboxPublished(digest_id))
            return
        self._tally.publish_retries += 1
        wait_s = self._settings.backoff_s(owed.attempt, self._random.random())
        logger.warning(
            "publish.retried",
            extra={
                "user": owed.digest.user_id,
                "attempt": owed.attempt,
                "wait_s": round(wait_s, 3),
                "error": str(error),
            },
        )
        owed.attempt += 1
        self._scheduler.tell_after(wait_s, self.actor_ref, RetryPublish(digest_id))
