"""Asking the store again after a failure: later each time, until it answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from logging import Logger
    from random import Random

    from pykka import ActorRef

    from actors.runtime.pooled import Scheduler
    from actors.settings import CoreSettings


class Backoff:
    """Counts the failures since the store last answered. One an actor, on its thread."""

    def __init__(self, settings: CoreSettings, scheduler: Scheduler, random: Random) -> None:
        """Begin without a failure."""
        self._settings = settings
        self._scheduler = scheduler
        self._random = random
        self._failures = 0

    def answered(self) -> None:
        """Note that the store has answered."""
        self._failures = 0

    def failed(
        self,
        error: str,
        users: int,
        ref: ActorRef[Any],
        message: object,
        *,
        logger: Logger,
        event: str,
    ) -> None:
        """Send ``message`` to ``ref`` after a while; log ``event``, and how many users wait."""
        self._failures += 1
        wait_s = self._settings.backoff_s(self._failures, self._random.random())
        logger.warning(
            event,
            extra={
                "users": users,
                "attempt": self._failures,
                "wait_s": round(wait_s, 3),
                "error": error,
            },
        )
        self._scheduler.tell_after(wait_s, ref, message)
