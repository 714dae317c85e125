"""StoreCaller: awaits the store for actors, who only ever get messages."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, assert_never

from actors.errors import StoreUnavailableError
from actors.messages import (
    GroupSaved,
    LoadUsers,
    SaveGroup,
    StoreCallerMessage,
    StoreFailed,
    UsersLoaded,
)
from actors.runtime import tell_if_alive
from actors.supervision import ServiceActor

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from actors.ports import CheckpointStore
    from actors.runtime import Dispatcher


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
        answer: GroupSaved | UsersLoaded | StoreFailed
        try:
            match message:
                case SaveGroup(updates):
                    answer = GroupSaved(await self._store.save(updates))
                case LoadUsers(user_ids):
                    answer = UsersLoaded(await self._store.load(user_ids))
                case _:
                    assert_never(message)
        except StoreUnavailableError as error:
            answer = StoreFailed(str(error))
        except Exception:
            self.on_failure(*sys.exc_info())
            return
        tell_if_alive(message.reply_to, answer)
