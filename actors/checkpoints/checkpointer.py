"""CheckpointActor: group commit. Many users in one write, never two writes of one user."""

from __future__ import annotations

import logging
from collections import deque
from typing import TYPE_CHECKING, Any, assert_never

from actors.checkpoints.backoff import Backoff
from actors.messages.checkpoints import (
    AwaitRoom,
    CheckpointerMessage,
    CommitGroup,
    GroupNotSaved,
    GroupSaved,
    SaveCheckpoint,
    SaveGroup,
)
from actors.messages.router import RoomAvailable
from actors.messages.user import CheckpointConflicted, Checkpointed, CheckpointRefused, UserMessage
from actors.ports import SaveOutcome, Unsavable
from actors.runtime.pooled import tell_each, tell_if_alive
from actors.runtime.supervision import ServiceActor

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from random import Random

    from pykka import ActorRef

    from actors.ports import Acknowledger
    from actors.rules.alarms import UserID
    from actors.runtime.pooled import Dispatcher, Scheduler
    from actors.settings import CoreSettings

logger = logging.getLogger("actors.checkpointer")

GROUPS_AT_ONCE = 2
"""With one, MongoDB used 0.65 of a core on a backlog of new users; with two, a whole one."""

GROUP_ALARMS_MAX = 5_000
"""Changed alarms in a group, but for a single user's: a few milliseconds of work on the loop."""

_CHECKPOINTED = Checkpointed()


def _answer(outcome: SaveOutcome | Unsavable) -> UserMessage:
    match outcome:
        case SaveOutcome.SAVED:
            return _CHECKPOINTED
        case SaveOutcome.CONFLICTED:
            return CheckpointConflicted()
        case Unsavable(reason):
            return CheckpointRefused(reason)
        case _:
            assert_never(outcome)


class CheckpointActor(ServiceActor):
    """Has what has come together since the last write written, a group at a time.

    A second group goes along if it is full: MongoDB then has work while it waits for its journal.

    There are two: one for what somebody waits for, whose groups are small and soon written, and
    one for what only has to be durable some day soon. What they hold is bounded by the number of
    live users, each with one save at a time.
    """

    def __init__(
        self,
        dispatcher: Dispatcher,
        escalate: Callable[[str], None],
        settings: CoreSettings,
        store: ActorRef[Any],
        acknowledger: Acknowledger,
        scheduler: Scheduler,
        random: Random,
    ) -> None:
        """Create it, unstarted; ``store`` is a ``StoreCaller`` of its own."""
        super().__init__(dispatcher, escalate)
        self._settings = settings
        self._store = store
        self._acknowledger = acknowledger
        self._backoff = Backoff(settings, scheduler, random)
        self._waiting: deque[SaveCheckpoint] = deque()
        self._under_way: dict[int, dict[UserID, SaveCheckpoint]] = {}
        self._last_number = 0
        self._room_awaited_by: ActorRef[Any] | None = None
        self._room_below = 0
        self._commit_is_coming = False

    def on_receive(self, message: CheckpointerMessage) -> None:
        """Handle one message. Runs on the dispatcher's thread."""
        match message:
            case SaveCheckpoint():
                self._waiting.append(message)
                self._commit_soon()
            case CommitGroup():
                self._commit_is_coming = False
                self._commit()
                self._offer_room()
            case GroupSaved(number, outcomes):
                self._end(number, outcomes)
            case GroupNotSaved(number, error):
                self._retry_later(number, error)
            case AwaitRoom(reply_to, empty):
                self._room_awaited_by = reply_to
                self._room_below = 1 if empty else self._settings.checkpoint_group_max
                self._look_soon()
            case _:
                assert_never(message)

    def _commit_soon(self) -> None:
        if self._may_commit():
            self._look_soon()

    def _may_commit(self) -> bool:
        if not self._under_way:
            return bool(self._waiting)
        full = len(self._waiting) >= self._settings.checkpoint_group_max
        return full and len(self._under_way) < GROUPS_AT_ONCE

    def _look_soon(self) -> None:
        """Behind the mail that has already arrived, so that it joins the group."""
        if not self._commit_is_coming:
            self._commit_is_coming = True
            self.actor_ref.tell(CommitGroup())

    def _offer_room(self) -> None:
        """Let the router send more: what waits there still grows together, here it does not."""
        ref = self._room_awaited_by
        if ref is not None and len(self._waiting) < self._room_below:
            self._room_awaited_by = None
            tell_if_alive(ref, RoomAvailable())

    def _commit(self) -> None:
        while self._may_commit() and (group := self._next_group()):
            self._last_number += 1
            self._under_way[self._last_number] = group
            updates = [save.update for save in group.values()]
            tell_if_alive(self._store, SaveGroup(self._last_number, updates, self.actor_ref))

    def _end(self, number: int, outcomes: Sequence[SaveOutcome | Unsavable]) -> None:
        """Acknowledge what is saved, and tell each user what became of its save."""
        self._backoff.answered()
        group = self._under_way.pop(number).values()
        tokens = [
            token
            for save, outcome in zip(group, outcomes, strict=True)
            if outcome is SaveOutcome.SAVED
            for token in save.tokens
        ]
        self._acknowledger.acknowledge(tokens)
        tell_each(
            (save.reply_to, _answer(outcome)) for save, outcome in zip(group, outcomes, strict=True)
        )
        self._look_soon()

    def _next_group(self) -> dict[UserID, SaveCheckpoint]:
        """Take the next saves, each user once, and none of whom a save is under way.

        A user can have two only after a crash of its actor, whose last save is not done yet.
        """
        group: dict[UserID, SaveCheckpoint] = {}
        busy = set().union(*self._under_way.values())
        held_back: list[SaveCheckpoint] = []
        waiting, alarms = self._waiting, 0
        most = self._settings.checkpoint_group_max
        while waiting and len(group) < most and alarms < GROUP_ALARMS_MAX:
            save = waiting.popleft()
            user_id = save.update.user_id
            if user_id in group or user_id in busy:
                held_back.append(save)
            else:
                group[user_id] = save
                alarms += len(save.update.alarms)
        waiting.extendleft(reversed(held_back))
        return group

    def _retry_later(self, number: int, error: str) -> None:
        group = self._under_way.pop(number).values()
        self._waiting.extendleft(reversed(group))
        self._commit_is_coming = True
        self._backoff.failed(
            error,
            len(group),
            self.actor_ref,
            CommitGroup(),
            logger=logger,
            event="checkpoint.retried",
        )
