"""The checkpoint store for those who have a thread to wait on."""

from __future__ import annotations

import asyncio
import time
from threading import Thread
from typing import TYPE_CHECKING, Any, TypeVar

from actors.ports import Postponed
from store.users.mongo import MongoCheckpointStore

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping, Sequence

    from actors.ports import Checkpoint, CheckpointUpdate, SaveOutcome, Unreadable, Unsavable
    from actors.rules.alarms import UserID
    from store.settings import StoreSettings

_T = TypeVar("_T")


class BlockingStore:
    """A store on a loop that another thread runs. Called from any thread but that."""

    def __init__(self, store: MongoCheckpointStore, loop: asyncio.AbstractEventLoop) -> None:
        """Use ``store``, which lives on ``loop``."""
        self.inner = store
        self._loop = loop

    def load(self, user_ids: Sequence[UserID]) -> Mapping[UserID, Checkpoint | Unreadable]:
        """See ``CheckpointStore``; all of them, however many alarms they have."""
        loaded: dict[UserID, Checkpoint | Unreadable] = {}
        left = user_ids
        while left:
            found = self._wait(self.inner.load(left))
            left = [user_id for user_id, one in found.items() if one is Postponed.POSTPONED]
            loaded |= {
                user_id: one for user_id, one in found.items() if not isinstance(one, Postponed)
            }
        return loaded

    def save(self, updates: Sequence[CheckpointUpdate]) -> Sequence[SaveOutcome | Unsavable]:
        """See ``CheckpointStore``."""
        return self._wait(self.inner.save(updates))

    def open(self) -> None:
        """See ``MongoCheckpointStore``."""
        self._wait(self.inner.open())

    def check(self) -> None:
        """See ``MongoCheckpointStore``."""
        self._wait(self.inner.check())

    def _wait(self, coroutine: Coroutine[Any, Any, _T]) -> _T:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()


class StandaloneStore(BlockingStore):
    """A store with a loop and a thread of its own, until it is closed."""

    def __init__(
        self,
        settings: StoreSettings,
        monotonic_s: Callable[[], float] = time.monotonic,
        fence_fell: Callable[[], None] | None = None,
    ) -> None:
        """Prepare; it connects when first used. Raises ``SettingsError``."""
        store = MongoCheckpointStore(settings, monotonic_s, fence_fell)
        loop = asyncio.new_event_loop()
        super().__init__(store, loop)
        self._thread = Thread(target=loop.run_forever, name="store", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Close the connections and end the thread; nothing may be under way."""
        self._wait(self.inner.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
