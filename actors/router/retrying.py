"""What becomes of a crashed user's mail: tried again later, or given up. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from actors.messages.inputs import Delivery
    from actors.ports import DeliveryToken


class Retry(NamedTuple):
    """What is to be done."""

    mail: list[Delivery]
    """To be handed on, in order."""
    given_up: list[DeliveryToken]
    """Tried too often."""
    attempt: int
    """How often the most tried of what is tried again has failed; 0 when nothing is to wait."""


def after_crash(
    mail: Sequence[Delivery], culprits: Collection[DeliveryToken], max_attempts: int
) -> Retry:
    """Sort the mail of a user whose actor crashed because of ``culprits``.

    The order stays: no request may be answered from a state that lacks an event before it.
    """
    again: list[Delivery] = []
    given_up: list[DeliveryToken] = []
    attempt = 0
    for delivery in mail:
        if delivery.token not in culprits:
            again.append(delivery)
        elif delivery.attempt >= max_attempts:
            given_up.append(delivery.token)
        else:
            attempt = max(attempt, delivery.attempt)
            again.append(delivery._replace(attempt=delivery.attempt + 1))
    return Retry(again, given_up, attempt)
