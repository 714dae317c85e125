"""RecoveryActor: loads checkpoints, many users with one query."""

from __future__ import annotations

import logging
from itertools import islice
from typing import TYPE_CHECKING, Any, assert_never

from actors.checkpoints.backoff import Backoff
from actors.messages.checkpoints import (
    LoadGroup,
    LoadUsers,
    RecoverUser,
    RecoveryMessage,
    UsersLoaded,
    UsersNotLoaded,
)
from actors.messages.user import Recovered, RecoveryFailed
from actors.ports import NEVER_SAVED, Postponed, Unreadable
from actors.runtime.pooled import tell_each, tell_if_alive
from actors.runtime.supervision import ServiceActor

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from random import Random

    from pykka import ActorRef

    from actors.ports import Checkpoint
    from actors.rules.alarms import UserID
    from actors.runtime.pooled import Dispatcher, Scheduler
    from actors.settings import CoreSettings

logger = logging.getLogger("actors.recovery")


def _answer(found: Checkpoint | Unreadable | Postponed) -> Recovered | RecoveryFailed:
    assert not isinstance(found, Postponed)
    return RecoveryFailed(found.reason) if isinstance(found, Unreadable) else Recovered(found)


def _is_newer(found: Checkpoint | Unreadable | Postponed) -> bool:
    return isinstance(found, Unreadable) and found.newer


_UNKNOWN = Recovered(NEVER_SAVED)


class RecoveryActor(ServiceActor):
    """Has what has come together since the last query loaded, and answers."""

    def __init__(
        self,
        dispatcher: Dispatcher,
        escalate: Callable[[str], None],
        settings: CoreSettings,
        store: ActorRef[Any],
        scheduler: Scheduler,
        random: Random,
    ) -> None:
        """Create it, unstarted; ``store`` is a ``StoreCaller`` of its own."""
        super().__init__(dispatcher, escalate)
        self._settings = settings
        self._store = store
        self._scheduler = scheduler
        self._backoff = Backoff(settings, scheduler, random)
        self._asked: dict[UserID, list[ActorRef[Any]]] = {}
        self._under_way: dict[UserID, list[ActorRef[Any]]] = {}
        self._load_is_coming = False

    def on_receive(self, message: RecoveryMessage) -> None:
        """Handle one message. Runs on the dispatcher's thread."""
        match message:
            case RecoverUser(user_id, reply_to):
                self._asked.setdefault(user_id, []).append(reply_to)
                self._load_soon()
            case LoadGroup():
                self._load_is_coming = False
                self._load()
            case UsersLoaded(loaded):
                self._answer(loaded)
            case UsersNotLoaded(error):
                self._retry_later(error)
            case _:
                assert_never(message)

    def _load_soon(self) -> None:
        if self._asked and not self._load_is_coming and not self._under_way:
            self._load_is_coming = True
            self.actor_ref.tell(LoadGroup())

    def _load(self) -> None:
        user_ids = list(islice(self._asked, self._settings.checkpoint_group_max))
        if user_ids:
            self._under_way = {user_id: self._asked.pop(user_id) for user_id in user_ids}
            tell_if_alive(self._store, LoadUsers(user_ids, self.actor_ref))

    def _answer(self, loaded: Mapping[UserID, Checkpoint | Unreadable | Postponed]) -> None:
        """Tell all who asked; who did while it was loaded gets what is loaded after that."""
        self._backoff.answered()
        under_way, self._under_way = self._under_way, {}
        if left := [one for one, found in loaded.items() if isinstance(found, Postponed)]:
            # Before anybody else: the store looks at users in an order of its own, and whoever is
            # last in it would be postponed by those who come meanwhile, for ever.
            self._under_way = {user_id: under_way.pop(user_id) for user_id in left}
            tell_if_alive(self._store, LoadUsers(left, self.actor_ref))
        if newer := [user_id for user_id, found in loaded.items() if _is_newer(found)]:
            self._wait_for_newer({user_id: under_way.pop(user_id) for user_id in newer}, loaded)
        tell_each(
            (ref, _answer(loaded[user_id]) if user_id in loaded else _UNKNOWN)
            for user_id, refs in under_way.items()
            for ref in refs
        )
        self._load_soon()

    def _wait_for_newer(
        self,
        asked: Mapping[UserID, list[ActorRef[Any]]],
        loaded: Mapping[UserID, Checkpoint | Unreadable | Postponed],
    ) -> None:
        """Ask again after a while for users that a newer version has written.

        They are read by such a one soon, for partitions are dealt to those that can; their
        messages wait, and are rejected by nobody.
        """
        sample = loaded[next(iter(asked))]
        assert isinstance(sample, Unreadable)
        logger.warning(
            "recovery.newer_version", extra={"users": len(asked), "error": sample.reason}
        )
        for user_id, refs in asked.items():
            for ref in refs:
                again = RecoverUser(user_id, ref)
                wait_s = self._settings.retry_wait_max_s
                self._scheduler.tell_after(wait_s, self.actor_ref, again)

    def _retry_later(self, error: str) -> None:
        asked_since, self._asked, self._under_way = self._asked, self._under_way, {}
        for user_id, refs in asked_since.items():
            self._asked.setdefault(user_id, []).extend(refs)
        self._load_is_coming = True
        self._backoff.failed(
            error,
            len(self._asked),
            self.actor_ref,
            LoadGroup(),
            logger=logger,
            event="recovery.retried",
        )
