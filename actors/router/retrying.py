"""What becomes of a crashed user's mail: tried again later, or given up."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from actors.rejections import Rejection, RejectionKind
from actors.router.directory import Retrying

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence
    from random import Random

    from actors.messages.inputs import Delivery
    from actors.messages.router import UserFailed
    from actors.ports import Acknowledger, DeliveryToken
    from actors.router.directory import Directory
    from actors.rules.alarms import UserID
    from actors.settings import CoreSettings
    from actors.tally import CoreTally


class Retries:
    """Has crashed users wait, longer each time. Used by the router only."""

    def __init__(
        self,
        users: Directory,
        settings: CoreSettings,
        acknowledger: Acknowledger,
        resume_after: Callable[[UserID, float], None],
        random: Random,
        tally: CoreTally,
    ) -> None:
        """Put those who wait among ``users``; ``resume_after`` wakes one, in so many seconds."""
        self._users = users
        self._settings = settings
        self._acknowledger = acknowledger
        self._resume_after = resume_after
        self._random = random
        self._tally = tally

    def take(
        self,
        user_id: UserID,
        partition: int,
        failure: UserFailed,
        mail: list[Delivery],
        returned: tuple[Delivery, ...],
    ) -> list[Delivery]:
        """Try again later what a crash is blamed on, and all that came behind it.

        What was tried too often becomes a dead letter. Returns what need not wait: all that is
        left of the mail where nothing of it is blamed. Without a culprit that is known, all that
        the actor ``returned`` is.
        """
        culprits = {failure.culprit} if failure.culprit else {item.token for item in returned}
        again, given_up, attempt = after_crash(mail, culprits, self._settings.max_attempts)
        if given_up:
            tried = self._settings.max_attempts
            why = f"processing failed {tried} times, last with: {failure.reason}"
            self._acknowledger.dead_letter(given_up, Rejection(RejectionKind.CRASHED, why))
        if not attempt:
            return again
        self._tally.message_retries += 1
        self._users.retrying[user_id] = Retrying(partition, again)
        self._resume_after(user_id, self._settings.backoff_s(attempt, self._random.random()))
        return []


class Retry(NamedTuple):
    """What is to be done."""

    mail: list[Delivery]
    """To be handed on, in order."""
    given_up: list[DeliveryToken]
    """Tried too often."""
    attempt: int
    """How often the most tried of what is tried again has failed; 0 when nothing is to wait."""


def after_crash(
    mail: Sequence[Delivery], culprits: Collection[DeliveryToken], max_attempts: int
) -> Retry:
    """Sort the mail of a user whose actor crashed because of ``culprits``.

    The order stays: no request may be answered from a state that lacks an event before it.
    """
    again: list[Delivery] = []
    given_up: list[DeliveryToken] = []
    attempt = 0
    for delivery in mail:
        if delivery.token not in culprits:
            again.append(delivery)
        elif delivery.attempt >= max_attempts:
            given_up.append(delivery.token)
        else:
            attempt = max(attempt, delivery.attempt)
            again.append(delivery._replace(attempt=delivery.attempt + 1))
    return Retry(again, given_up, attempt)
