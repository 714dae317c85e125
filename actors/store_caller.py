"""StoreCaller: makes the store's blocking calls, so that nobody else has to wait for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

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
    from collections.abc import Callable

    from actors.ports import CheckpointStore
    from actors.runtime import Dispatcher


class StoreCaller(ServiceActor):
    """One call at a time, on a thread that has nothing else to do.

    Whoever asks does its bookkeeping on the dispatcher that it shares with the users: under the GIL
    each step of another thread may have all of them wait for the interpreter to change threads.
    """

    def __init__(
        self, dispatcher: Dispatcher, escalate: Callable[[str], None], store: CheckpointStore
    ) -> None:
        """Create it, unstarted; ``dispatcher`` should have a thread for it alone."""
        super().__init__(dispatcher, escalate)
        self._store = store

    def on_receive(self, message: StoreCallerMessage) -> None:
        """Make the call and answer. Runs, and blocks, on the dispatcher's thread."""
        answer: GroupSaved | UsersLoaded | StoreFailed
        try:
            match message:
                case SaveGroup(updates):
                    answer = GroupSaved(self._store.save(updates))
                case LoadUsers(user_ids):
                    answer = UsersLoaded(self._store.load(user_ids))
                case _:
                    assert_never(message)
        except StoreUnavailableError as error:
            answer = StoreFailed(str(error))
        tell_if_alive(message.reply_to, answer)
