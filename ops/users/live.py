"""Asking the actors of a running service what they know. Blocks: never on the event loop."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING, Any

from pykka import ActorDeadError
from pykka import Timeout as PykkaTimeout

from actors.messages.router import CountLiveUsers, FindLiveUsers
from actors.messages.user import LiveState, ShowState

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pykka import ActorRef

    from actors.rules.alarms import UserID

ASKED_AT_ONCE_MAX = 500
"""Users asked for their state at the most; each copies its alarms for it."""


class ActorsBusyError(Exception):
    """Raised when the actors did not answer in time."""


class LiveUsers:
    """The users in the memory of this process, through its router."""

    def __init__(self, router: ActorRef[Any], timeout_s: float = 2.0) -> None:
        """Ask ``router``, and wait for no answer longer than ``timeout_s`` in all."""
        self._router = router
        self._timeout_s = timeout_s

    def count(self) -> int:
        """Return how many there are; raises ``ActorsBusyError``."""
        return int(self._ask_router(CountLiveUsers(), monotonic() + self._timeout_s))

    def states(self, user_ids: Sequence[UserID] | None, limit: int) -> dict[UserID, LiveState]:
        """Return the states of those users that are in memory; raises ``ActorsBusyError``.

        None means those used last. Users that are loading, leaving or have failed are left out.
        """
        deadline_s = monotonic() + self._timeout_s
        wanted = None if user_ids is None else tuple(user_ids)
        found = self._ask_router(FindLiveUsers(wanted, min(limit, ASKED_AT_ONCE_MAX)), deadline_s)
        asked = [(user_id, ref.ask(ShowState(), block=False)) for user_id, ref in found]
        states: dict[UserID, LiveState] = {}
        for user_id, future in asked:
            state = self._get(future, deadline_s)
            if state is not None:
                states[user_id] = state
        return states

    def _ask_router(self, message: CountLiveUsers | FindLiveUsers, deadline_s: float) -> Any:
        answer = self._get(self._router.ask(message, block=False), deadline_s)
        if answer is None:
            raise ActorsBusyError("the service is stopping")
        return answer

    @staticmethod
    def _get(future: Any, deadline_s: float) -> Any:
        """Return the answer; None from an actor that has stopped meanwhile."""
        try:
            return future.get(timeout=max(0.0, deadline_s - monotonic()))
        except ActorDeadError:
            return None
        except PykkaTimeout as error:
            raise ActorsBusyError("the actors did not answer in time") from error
