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
    from actors.ports import DeliveryToken
    from actors.rules.alarms import UserID
    from actors.rules.digest import DigestID, DigestItem
    from actors.user.context import UserContext
    from actors.user.deliveries import HeldDeliveries
    from actors.user.state import UserState

OUTBOX_DIGESTS_MAX = 100
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
        held, state, tally = self._held, self._state, context.tally
        skip_empty = context.settings.skip_empty_digests
        while held.asking and self._stage is not _Stage.SEALED and self._has_room():
            delivery = held.asking[0]
            held.handling = delivery.token
            _, place, _, traceparent, earlier_id = asked(delivery)
            if is_answered(state.cursor, place, earlier_id):
                tally.requests_repeated += 1
                self._settle_repeated()
                continue
            items = self._due()
            if items is None:
                break
            if not items:
                tally.digests_empty += 1
            if not items and (skip_empty or delivery.token == self._begun):
                state.told = True
                state.told_all()
                state.cursor = answer(state.cursor, place, earlier_id, None)
                held.applied.append(held.asking.pop(0))
                continue
            room = self._alarms_max - sum(len(digest.items) for digest in state.cursor.outbox)
            if len(items) > room and self._stage is _Stage.OPEN:
                break  # with the next outbox, whole if it can be
            part = items[:room]
            # Saved even when there is nothing to tell: the compare-and-set proves that the state
            # from which it is decided is not stale.
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
                break
            state.cursor = answer(state.cursor, place, earlier_id, digest)
            held.owed.append(held.asking.pop(0))
            state.told_all()
        held.handling = None
        if self.selection is not None and self.selection.items is not None:
            self.selection = None  # of a moment that has passed
        return self.selection is None

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

    def _settle_repeated(self) -> None:
        """Hold a request that was answered before until nothing is owed any more.

        What is owed may be its digest: somebody must come back for that after a crash.
        """
        held = self._held
        request = held.asking.pop(0)
        (held.applied if self._stage is _Stage.EMPTY else held.owed).append(request)

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
