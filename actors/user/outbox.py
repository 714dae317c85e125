"""The outbox: requests become digests that are owed until they are published.

::

    EMPTY ──answer──▶ OPEN ──into a save──▶ SEALED ──durable──▶ published ──▶ EMPTY, and again

What is asked while the outbox is open is answered by the same save; what is asked while it is
sealed waits until its digests are published. So requests that come together cost one save, and one
user that asks fifty thousand times costs the others nothing.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import TYPE_CHECKING

from actors.rules.digest import (
    DIGEST_ALARMS_MAX,
    Digest,
    answer,
    due_items,
    is_answered,
    mark_told,
    settle,
)
from actors.user.deliveries import asked
from actors.user.selection import ALARMS_IN_A_SLICE, Selection

if TYPE_CHECKING:
    from actors.messages.inputs import Delivery
    from actors.ports import DeliveryToken
    from actors.rules.alarms import UserID
    from actors.rules.digest import DigestID, DigestItem
    from actors.user.context import UserContext
    from actors.user.deliveries import HeldDeliveries
    from actors.user.state import UserState

OUTBOX_DIGESTS_MAX = 250
"""Digests in the outbox at the most, so that the document stays small: all but the first are
empty, some hundred bytes each."""


class _Stage(Enum):
    EMPTY = auto()
    OPEN = auto()
    SEALED = auto()


class Outbox:
    """Which digests are made, and when. One a user actor, on its dispatcher's thread."""

    __slots__ = ("_alarms_max", "_begun", "_held", "_part_of", "_stage", "_state", "selection")

    def __init__(self, state: UserState, held: HeldDeliveries) -> None:
        """Answer the requests in ``held`` from ``state``."""
        self._state = state
        self._held = held
        self._stage = _Stage.EMPTY
        self._alarms_max = DIGEST_ALARMS_MAX
        self._part_of: DeliveryToken | None = None
        """The request of which the outbox holds a part of the answer: the rest follows."""
        self._begun: DeliveryToken | None = None
        """The request of which such a part was published."""
        self.selection: Selection | None = None
        """What is to be told, while it is chosen in slices: the next answer waits for it, and
        nothing may change meanwhile."""

    def begin(self, state: UserState, held: HeldDeliveries) -> bool:
        """Begin anew from a loaded checkpoint; whether it owes digests, to be published now."""
        self._state, self._held = state, held
        self._part_of = self.selection = None
        owes = bool(state.cursor.outbox)
        self._stage = _Stage.SEALED if owes else _Stage.EMPTY
        return owes

    @property
    def empty(self) -> bool:
        """Whether nothing is owed."""
        return self._stage is _Stage.EMPTY

    @property
    def open(self) -> bool:
        """Whether it holds digests that are in no save yet."""
        return self._stage is _Stage.OPEN

    def seal(self) -> bool:
        """Have what it holds be in a save; whether there is anything to publish after that."""
        if self._stage is not _Stage.OPEN:
            return False
        self._stage = _Stage.SEALED
        return True

    def answer(self, user_id: UserID, context: UserContext) -> bool:
        """Make the digests that are asked for, as far as they have room, in order.

        Those before which much has to be chosen from wait for a ``selection``; whether none does.
        """
        held = self._held
        answered = 0
        try:
            for delivery in held.asking:
                if self._stage is _Stage.SEALED or not self._has_room():
                    break
                held.handling = delivery.token
                if not self._answer(delivery, user_id, context):
                    break
                answered += 1
        finally:
            # At once: to take each from the front of fifty thousand would move all the others.
            del held.asking[:answered]
        held.handling = None
        if self.selection is not None and self.selection.items is not None:
            self.selection = None  # of a moment that has passed
        return self.selection is None

    def _answer(self, delivery: Delivery, user_id: UserID, context: UserContext) -> bool:
        """Answer a request, as far as there is room; whether it is answered, and the next one's."""
        held, state, tally = self._held, self._state, context.tally
        _, place, _, traceparent, earlier_id = asked(delivery)
        if is_answered(state.cursor, place, earlier_id):
            tally.requests_repeated += 1
            # Held until nothing is owed any more: what is owed may be its digest, and somebody must
            # come back for that after a crash.
            (held.applied if self._stage is _Stage.EMPTY else held.owed).append(delivery)
            return True
        items = self._due()
        if items is None:
            return False
        if not items:
            tally.digests_empty += 1
        if not items and (context.settings.skip_empty_digests or delivery.token == self._begun):
            state.told = True
            state.told_all()
            state.cursor = answer(state.cursor, place, earlier_id, None)
            held.applied.append(delivery)
            return True
        part = items[: self._room()] if items else ()
        if len(part) < len(items) and self._stage is _Stage.OPEN:
            return False  # with the next outbox, whole if it can be
        # Saved even when there is nothing to tell: the compare-and-set proves that the state from
        # which it is decided is not stale.
        state.told = True
        told = mark_told(state.alarms, part)
        state.alarms.update(told)
        state.changed.update(dict.fromkeys(told))
        tally.digests_made += bool(part)
        digest = Digest(context.new_digest_id(), user_id, part, traceparent)
        self._stage = _Stage.OPEN
        if len(part) < len(items):
            # The request stays until the digest that carries the last of them answers it.
            self._part_of = delivery.token
            state.cursor = answer(state.cursor, None, None, digest)
            return False
        state.cursor = answer(state.cursor, place, earlier_id, digest)
        held.owed.append(delivery)
        state.told_all()
        return True

    def _due(self) -> tuple[DigestItem, ...] | None:
        """Return what is to be told, perhaps not all; None while it is being chosen."""
        selection, state = self.selection, self._state
        if selection is not None:
            if selection.items is not None:
                self.selection = None
            return selection.items
        among = state.perhaps_due()
        if len(among) <= ALARMS_IN_A_SLICE:
            return due_items(state.alarms, among)
        self.selection = Selection(state.alarms, among, self._alarms_max + 1)
        return None

    def _has_room(self) -> bool:
        outbox = self._state.cursor.outbox
        return self._part_of is None and len(outbox) < OUTBOX_DIGESTS_MAX

    def _room(self) -> int:
        """Return how many alarms the digests in the outbox may have besides."""
        return self._alarms_max - sum([len(one.items) for one in self._state.cursor.outbox])

    def shrink(self) -> bool:
        """Have the next digests be smaller, for these were refused; whether they can be."""
        alarms = sum(len(digest.items) for digest in self._state.cursor.outbox)
        if alarms <= 1:
            return False
        self._alarms_max = max(1, min(alarms, self._alarms_max) // 2)
        return True

    def published(self, digest_id: DigestID, context: UserContext) -> bool:
        """Clear it if it begins with this digest, and note how long it took; whether it does."""
        outbox = self._state.cursor.outbox
        if self._stage is not _Stage.SEALED or not outbox or outbox[0].digest_id != digest_id:
            return False
        self._state.cursor = settle(self._state.cursor)
        self._state.told = True
        self._stage = _Stage.EMPTY
        if self._part_of is not None:
            # Not before: a part whose save conflicted was never told.
            self._begun, self._part_of = self._part_of, None
        now_s, latencies = context.clock.monotonic_s(), context.tally.digest_latency_s
        for request in self._held.publish_owed():
            latencies.observe(now_s - asked(request).taken_at_s)
        return True
