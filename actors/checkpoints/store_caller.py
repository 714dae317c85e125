"""StoreCaller: awaits the store for actors, who only ever get messages."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, assert_never

from actors.errors import StoreUnavailableError
from actors.messages.checkpoints import (
    GroupNotSaved,
    GroupSaved,
    LoadUsers,
    SaveGroup,
    StoreCallerMessage,
    UsersLoaded,
    UsersNotLoaded,
)
from actors.runtime.pooled import tell_if_alive
from actors.runtime.supervision import ServiceActor

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from actors.ports import CheckpointStore
    from actors.runtime.pooled import Dispatcher


class StoreCaller(ServiceActor):
    """Begins each call as it is asked, and tells whoever asked how it ended."""

    def __init__(
        self,
        dispatcher: Dispatcher,
        escalate: Callable[[str], None],
        store: CheckpointStore,
        begin: Callable[[Coroutine[Any, Any, None]], None],
    ) -> None:
        """Create it, unstarted; ``begin`` has a coroutine run, on the dispatcher's thread."""
        super().__init__(dispatcher, escalate)
        self._store = store
        self._begin = begin

    def on_receive(self, message: StoreCallerMessage) -> None:
        """Begin the call. Runs on the dispatcher's thread."""
        self._begin(self._call(message))

    async def _call(self, message: StoreCallerMessage) -> None:
        answer: GroupSaved | GroupNotSaved | UsersLoaded | UsersNotLoaded
        try:
            match message:
                case SaveGroup():
                    answer = await self._save(message)
                case LoadUsers():
                    answer = await self._load(message)
                case _:
                    assert_never(message)
        except Exception:
            self.on_failure(*sys.exc_info())
        else:
            tell_if_alive(message.reply_to, answer)

    async def _save(self, group: SaveGroup) -> GroupSaved | GroupNotSaved:
        try:
            return GroupSaved(group.number, await self._store.save(group.updates))
        except StoreUnavailableError as error:
            return GroupNotSaved(group.number, str(error))

    async def _load(self, users: LoadUsers) -> UsersLoaded | UsersNotLoaded:
        try:
            return UsersLoaded(await self._store.load(users.user_ids))
        except StoreUnavailableError as error:
            return UsersNotLoaded(str(error))
