"""Calls of the store for the home actor, who only ever gets messages."""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING, Any

from actors.errors import StoreUnavailableError
from actors.messages.home import (
    BeatConfirmed,
    HomesUnavailable,
    HomesWritten,
    InHandNoted,
    Looked,
    PositionsNotSaved,
    PositionsSaved,
)
from actors.runtime.pooled import tell_if_alive

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Sequence

    from actors.messages.home import HomeMessage, NoteInHand
    from actors.ports import HomeStore
    from actors.rules.homes import Plan
    from actors.rules.partitions import HomePosition, InHand, Instance, InstanceID
    from actors.runtime.supervision import ServiceActor


class HomeStoreCalls:
    """Begins each call as it is asked, and tells the actor how it ended: each gets one answer."""

    def __init__(
        self,
        store: HomeStore,
        begin: Callable[[Coroutine[Any, Any, None]], None],
        actor: ServiceActor,
    ) -> None:
        """Call ``store``; ``begin`` has a coroutine run, on the dispatcher's thread."""
        self._store = store
        self._begin = begin
        self._actor = actor

    def beat(self, instance: Instance) -> None:
        """Answered with ``BeatConfirmed`` or ``HomesUnavailable``."""

        async def beat() -> HomeMessage:
            await self._store.beat(instance)
            return BeatConfirmed()

        self._begin(self._answer(beat(), HomesUnavailable))

    def look(self) -> None:
        """Answered with ``Looked`` or ``HomesUnavailable``."""

        async def look() -> HomeMessage:
            return Looked(await self._store.look())

        self._begin(self._answer(look(), HomesUnavailable))

    def write(self, me: InstanceID, plan: Plan) -> None:
        """Answered with ``HomesWritten`` or ``HomesUnavailable``, then some of it may be done."""

        async def write() -> HomeMessage:
            # First what others wait for.
            if plan.free:
                await self._store.free(me, plan.free)
            if plan.lower:
                await self._store.lower(me, plan.lower)
            if plan.claim:
                await self._store.claim(me, plan.claim)
            if plan.forget:
                await self._store.forget(plan.forget)
            return HomesWritten()

        self._begin(self._answer(write(), HomesUnavailable))

    def save(self, me: InstanceID, positions: Sequence[HomePosition]) -> None:
        """Answered with ``PositionsSaved`` or ``PositionsNotSaved``."""

        async def save() -> HomeMessage:
            matched = await self._store.save_positions(me, positions)
            return PositionsSaved(len(positions), matched)

        self._begin(self._answer(save(), PositionsNotSaved))

    def note(self, me: InstanceID, notes: Sequence[InHand], asked: NoteInHand) -> None:
        """Answered with ``InHandNoted``."""

        async def note() -> HomeMessage:
            matched = await self._store.note_in_hand(me, notes)
            whole = matched == len(notes)
            return InHandNoted(asked, None if whole else "some are not at home here")

        self._begin(self._answer(note(), partial(InHandNoted, asked)))

    async def _answer(
        self, call: Awaitable[HomeMessage], unavailable: Callable[[str], HomeMessage]
    ) -> None:
        try:
            answer = await call
        except StoreUnavailableError as error:
            answer = unavailable(str(error))
        except Exception:
            self._actor.on_failure(*sys.exc_info())
            return
        tell_if_alive(self._actor.actor_ref, answer)
