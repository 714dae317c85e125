"""RecoveryActor: loads checkpoints, many users with one query."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, assert_never

from actors.errors import StoreUnavailableError
from actors.messages import LoadGroup, Recovered, RecoverUser, RecoveryFailed, RecoveryMessage
from actors.ports import NEVER_SAVED, Unreadable
from actors.runtime import tell_each
from actors.supervision import ServiceActor

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

    from pykka import ActorRef

    from actors.alarms import UserID
    from actors.ports import Checkpoint, CheckpointStore
    from actors.runtime import Dispatcher, Scheduler
    from actors.settings import CoreSettings

logger = logging.getLogger("actors.recovery")


def _answer(found: Checkpoint | Unreadable) -> Recovered | RecoveryFailed:
    return RecoveryFailed(found.reason) if isinstance(found, Unreadable) else Recovered(found)


class RecoveryActor(ServiceActor):
    """Answers what has come together since the last query; blocks while it loads."""

    def __init__(
        self,
        dispatcher: Dispatcher,
        escalate: Callable[[str], None],
        settings: CoreSettings,
        store: CheckpointStore,
        scheduler: Scheduler,
        random: Random,
    ) -> None:
        """Create it, unstarted; ``dispatcher`` should have a thread for it alone."""
        super().__init__(dispatcher, escalate)
        self._settings = settings
        self._store = store
        self._scheduler = scheduler
        self._random = random
        self._asked: dict[UserID, list[ActorRef[Any]]] = {}
        self._load_is_coming = False
        self._failed_attempts = 0

    def on_receive(self, message: RecoveryMessage) -> None:
        """Handle one message. Runs on the dispatcher's thread."""
        match message:
            case RecoverUser(user_id, reply_to):
                self._asked.setdefault(user_id, []).append(reply_to)
                self._load_soon()
            case LoadGroup():
                self._load_is_coming = False
                self._load()
            case _:
                assert_never(message)

    def _load_soon(self) -> None:
        if not self._load_is_coming and self._asked:
            self._load_is_coming = True
            self.actor_ref.tell(LoadGroup())

    def _load(self) -> None:
        asked = list(self._asked.items())[: self._settings.checkpoint_group_max]
        if not asked:
            return
        try:
            loaded = self._store.load([user_id for user_id, _ in asked])
        except StoreUnavailableError as error:
            self._retry_later(error)
            return
        self._failed_attempts = 0
        for user_id, _ in asked:
            del self._asked[user_id]
        tell_each(
            (ref, _answer(loaded.get(user_id, NEVER_SAVED)))
            for user_id, refs in asked
            for ref in refs
        )
        self._load_soon()

    def _retry_later(self, error: StoreUnavailableError) -> None:
        self._failed_attempts += 1
        wait_s = self._settings.backoff_s(self._failed_attempts, self._random.random())
        logger.warning(
            "recovery.retried",
            extra={
                "users": len(self._asked),
                "attempt": self._failed_attempts,
                "wait_s": round(wait_s, 3),
                "error": str(error),
            },
        )
        self._load_is_coming = True
        self._scheduler.tell_after(wait_s, self.actor_ref, LoadGroup())
