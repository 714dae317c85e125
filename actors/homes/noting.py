"""Notes of what is in hand, in the partitions' documents: what a process died of is found there."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from actors.messages.home import NoteInHand
from actors.rules.holding import Held
from actors.rules.partitions import InHand
from actors.runtime.pooled import tell_if_alive

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pykka import ActorRef

    from actors.homes.calls import HomeStoreCalls
    from actors.messages.home import InHandNoted
    from actors.rules.ends import Stretch
    from actors.rules.holding import State
    from actors.rules.partitions import InstanceID
    from actors.runtime.pooled import Scheduler
    from actors.runtime.supervision import ServiceActor

logger = logging.getLogger("actors.home")

AGAIN_S = 0.25
"""After which a note is tried again that may not be stored."""


class Noting:
    """See ``Notes``: has the home actor note, which knows at which epochs."""

    def __init__(self, home: ActorRef[Any], max_attempts: int) -> None:
        """Ask ``home``."""
        self._home = home
        self.max_attempts = max_attempts

    def note(
        self, in_hand: Mapping[int, Stretch | None], noted: Callable[[], None], *, over: bool
    ) -> None:
        """See ``Notes``."""
        tell_if_alive(self._home, NoteInHand(in_hand, noted, over))


class InHandNotes:
    """The home actor's part of it."""

    def __init__(
        self, me: InstanceID, calls: HomeStoreCalls, scheduler: Scheduler, actor: ServiceActor
    ) -> None:
        """Note in the name of ``me``."""
        self._me = me
        self._calls = calls
        self._scheduler = scheduler
        self._actor = actor

    def take(self, message: NoteInHand | InHandNoted, mine: Mapping[int, State]) -> None:
        """Begin a note, or go on with one."""
        if isinstance(message, NoteInHand):
            self._note(message, mine)
        else:
            self._end(message)

    def _note(self, asked: NoteInHand, mine: Mapping[int, State]) -> None:
        """Begin to store it, for those that are at home here to stay."""
        notes = [
            InHand(number, state.epoch, stretch, asked.over)
            for number, stretch in asked.in_hand.items()
            if isinstance(state := mine.get(number), Held)
        ]
        if notes:
            self._calls.note(self._me, notes, asked)
        else:
            asked.noted()  # nothing of them is read any more

    def _end(self, noted: InHandNoted) -> None:
        """Say that it is stored, or try again: what is not at home here any more is left out."""
        if noted.error is None:
            noted.asked.noted()
            return
        logger.warning("home.in_hand_not_noted", extra={"error": noted.error})
        self._scheduler.tell_after(AGAIN_S, self._actor.actor_ref, noted.asked)
