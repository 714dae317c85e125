"""PublisherActor: gets owed digests out, each again under its own id until the stream has it."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING, Any, assert_never

from actors.messages.publisher import (
    AdmitPartitions,
    ForgetPartitions,
    MayPublish,
    PublisherMessage,
    PublishOutbox,
    PublishSettled,
    RetryPublish,
)
from actors.messages.user import OutboxPublished
from actors.rules.partitions import partition_of
from actors.runtime.pooled import tell_if_alive
from actors.runtime.supervision import ServiceActor
from actors.tally import CoreTally

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

    from pykka import ActorRef

    from actors.errors import PublishFailedError
    from actors.ports import Clock, DigestPublisher
    from actors.rules.digest import Digest, DigestID
    from actors.runtime.pooled import Dispatcher, Scheduler
    from actors.settings import CoreSettings

logger = logging.getLogger("actors.publisher")


@dataclass(slots=True)
class _Owed:
    digests: tuple[Digest, ...]
    """Those that the stream is not known to have, in order."""
    reply_to: ActorRef[Any]
    attempt: int = 0
    """The number of the last attempt."""
    tries: int = 0
    """Failures in a row."""

    def next(self) -> tuple[Digest, ...]:
        """Return what may go at once: nothing that tells something behind another that does.

        One of them may get lost on its way, and the user would be told an older state of an alarm
        behind a newer one. Where there is nothing to tell, it does not matter when that is said.
        """
        told = False
        for number, digest in enumerate(self.digests):
            if digest.items and told:
                return self.digests[:number]
            told = told or bool(digest.items)
        return self.digests


class PublisherActor(ServiceActor):
    """Never blocks; what it holds is bounded by one outbox a live user.

    An outbox is published in order, as much at once as may be, and after a failure again: the
    stream drops what it has. While it is not sure that its users are still at home here, it holds
    them back.
    """

    def __init__(
        self,
        dispatcher: Dispatcher,
        escalate: Callable[[str], None],
        settings: CoreSettings,
        publisher: DigestPublisher,
        scheduler: Scheduler,
        clock: Clock,
        random: Random,
        tally: CoreTally | None = None,
        *,
        guarded: bool = False,
    ) -> None:
        """Create it, unstarted; ``guarded``, it publishes only while ``MayPublish`` says so."""
        super().__init__(dispatcher, escalate)
        self._settings = settings
        self._publisher = publisher
        self._scheduler = scheduler
        self._clock = clock
        self._random = random
        self._tally = tally or CoreTally()
        self._guarded = guarded
        self._until_s = -inf if guarded else inf
        self._admitted: set[int] = set()
        """Guarded: the partitions that are at home here."""
        self._owed: dict[DigestID, _Owed] = {}
        """By the id of the outbox's first digest."""
        self._held_back: dict[DigestID, None] = {}
        self._attempts = 0

    def on_receive(self, message: PublisherMessage) -> None:
        """Handle one message. Runs on the dispatcher's thread."""
        match message:
            case PublishOutbox(digests, reply_to):
                self._begin(digests, reply_to)
            case RetryPublish(digest_id, attempt):
                if self._is_last(digest_id, attempt):
                    self._attempt(digest_id)
            case PublishSettled(digest_id, attempt, error):
                if self._is_last(digest_id, attempt):
                    self._end(digest_id, error)
            case MayPublish(until_s):
                self._until_s = until_s
                held_back, self._held_back = self._held_back, {}
                for digest_id in held_back:
                    self._attempt(digest_id)
            case AdmitPartitions(numbers):
                self._admitted |= numbers
            case ForgetPartitions(numbers):
                self._forget(numbers)
            case _:
                assert_never(message)

    def _begin(self, digests: tuple[Digest, ...], reply_to: ActorRef[Any]) -> None:
        if self._guarded and partition_of(digests[0].user_id) not in self._admitted:
            return  # it was loaded before its actor heard that it has to leave
        name = digests[0].digest_id
        owed = self._owed.get(name)
        if owed is not None:
            # The user was reloaded while these were on the way; the answer goes to the heir.
            owed.reply_to = reply_to
            return
        self._owed[name] = _Owed(digests, reply_to)
        self._attempt(name)

    def _attempt(self, name: DigestID) -> None:
        owed = self._owed.get(name)
        if owed is None:
            return  # forgotten while it waited
        if self._clock.monotonic_s() >= self._until_s:
            self._held_back[name] = None
            return
        ref = self.actor_ref
        self._attempts += 1
        number = owed.attempt = self._attempts

        def settled(error: PublishFailedError | None) -> None:
            tell_if_alive(ref, PublishSettled(name, number, error))

        self._publisher.publish(owed.next(), settled)

    def _is_last(self, name: DigestID, attempt: int) -> bool:
        """Whether an attempt is what was tried last, not of an outbox that was forgotten since."""
        owed = self._owed.get(name)
        return owed is not None and owed.attempt == attempt

    def _forget(self, numbers: frozenset[int]) -> None:
        """Drop what is owed to users that are not at home here any more."""
        self._admitted -= numbers
        for name, owed in list(self._owed.items()):
            if partition_of(owed.digests[0].user_id) in numbers:
                del self._owed[name]
                self._held_back.pop(name, None)

    def _end(self, name: DigestID, error: PublishFailedError | None) -> None:
        owed = self._owed[name]
        if error is not None:
            self._retry_later(name, owed, error)
            return
        published = owed.next()
        owed.digests, owed.tries = owed.digests[len(published) :], 0
        for digest in published:
            alarms = len(digest.items)
            self._tally.digests_published += 1
            self._tally.digest_alarms.observe(alarms)
            logger.info("digest.published", extra={"user": digest.user_id, "alarms": alarms})
        if owed.digests:
            self._attempt(name)
        else:
            del self._owed[name]
            tell_if_alive(owed.reply_to, OutboxPublished(name))

    def _retry_later(self, name: DigestID, owed: _Owed, error: PublishFailedError) -> None:
        owed.tries += 1
        self._tally.publish_retries += 1
        wait_s = self._settings.backoff_s(owed.tries, self._random.random())
        logger.warning(
            "publish.retried",
            extra={
                "user": owed.digests[0].user_id,
                "attempt": owed.tries,
                "wait_s": round(wait_s, 3),
                "error": str(error),
            },
        )
        retry = RetryPublish(name, owed.attempt)
        self._scheduler.tell_after(wait_s, self.actor_ref, retry)
