"""Where each delivery of a user is, from its arrival until it is settled.

::

    WAITING ──▶ APPLIED ──▶ SAVING ──▶ settled        an event, or a request answered before
       │                      ▲
       └────▶ ASKING ──▶ OWED ┘                        a request

WAITING: not looked at, the checkpoint is being loaded. ASKING: a request without an answer.
OWED: its digest is in the outbox, and not known to be published. APPLIED: in the state, and not in
a save. SAVING: in the save that is under way; when that is durable, it is settled.

A request is not settled with the save that answers it but with the one that clears its digest from
the outbox: after a crash it is read again, which brings the user back, and what its checkpoint
still owes is published again while the stream still recognises the id.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from actors.messages.inputs import SendDigest

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from actors.messages.inputs import Delivery
    from actors.ports import DeliveryToken


SETTLED_AT_ONCE = 5_000
"""Deliveries of a user: some milliseconds."""


class HeldDeliveries:
    """The deliveries of one user that are not settled. Each is in one place at a time."""

    __slots__ = ("_saving", "applied", "applying", "asking", "handling", "owed", "waiting")

    def __init__(self) -> None:
        """Begin with none."""
        self.waiting: list[Delivery] = []
        self.applying: Sequence[Delivery] = ()
        """Those that are being looked at: what a crash interrupts, be it applied or not."""
        self.handling: DeliveryToken | None = None
        """The one of those that is in hand: what a crash is blamed on."""
        self.applied: list[Delivery] = []
        self.asking: list[Delivery] = []
        self.owed: list[Delivery] = []
        self._saving: list[Delivery] | None = None

    @property
    def saving(self) -> bool:
        """Whether a save is under way."""
        return self._saving is not None

    def take_waiting(self, most: int | None = None) -> list[Delivery]:
        """Return the first of what waits, so many at the most, or all of it."""
        taken, self.waiting = (
            self.waiting[:most],
            self.waiting[len(self.waiting) if most is None else most :],
        )
        return taken

    def begin_save(self) -> tuple[DeliveryToken, ...]:
        """Put what is applied into a save; return what that will settle.

        Of very many the oldest: the others are settled after it.
        """
        self._saving = self._take_oldest()
        return tuple([delivery[0] for delivery in self._saving])

    def end_save(self) -> None:
        """Forget what the save has settled."""
        self._saving = None

    def in_save(self) -> list[Delivery]:
        """Return what the save that is under way would settle."""
        return list(self._saving or ())

    def publish_owed(self) -> list[Delivery]:
        """Regard the owed requests as applied, their digests are published; return them."""
        published, self.owed = self.owed, []
        self.applied.extend(published)
        return published

    def take_applied(self) -> list[DeliveryToken]:
        """Return, once, what is applied: there is nothing to save that would settle it.

        Of very many the oldest; ask again.
        """
        return [delivery[0] for delivery in self._take_oldest()]

    def _take_oldest(self) -> list[Delivery]:
        applied, self.applied = self.applied, []
        if len(applied) > SETTLED_AT_ONCE:
            self.applied = applied[SETTLED_AT_ONCE:]
            del applied[SETTLED_AT_ONCE:]
        return applied

    def requests(self) -> list[Delivery]:
        """Return the requests that the outbox answers, in part or wholly."""
        return self.owed or self.asking[:1]

    def unsettled(self) -> list[Delivery]:
        """Return every delivery, once, in the order in which they were taken."""
        places: tuple[Iterable[Delivery], ...] = (
            self._saving or (),
            self.applied,
            self.owed,
            self.asking,
            self.applying,
            self.waiting,
        )
        held = {delivery.token: delivery for place in places for delivery in place}
        return [held[token] for token in sorted(held)]

    def __bool__(self) -> bool:
        """Whether there is any."""
        return bool(
            self._saving is not None
            or self.applied
            or self.owed
            or self.asking
            or self.waiting
            or self.applying
        )


def asked(delivery: Delivery) -> SendDigest:
    """Return the request of a delivery that is one."""
    assert isinstance(delivery.body, SendDigest)
    return delivery.body
