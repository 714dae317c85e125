"""What becomes of a save that the store will never take."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from actors.rejections import Rejection, RejectionKind

if TYPE_CHECKING:
    from actors.messages.inputs import Delivery
    from actors.rules.alarms import UserID
    from actors.rules.digest import Digest
    from actors.user.context import UserContext
    from actors.user.deliveries import HeldDeliveries
    from actors.user.outbox import Outbox

logger = logging.getLogger("actors.user")


def give_up(
    saved: tuple[Digest, ...],
    held: HeldDeliveries,
    outbox: Outbox,
    user_id: UserID,
    context: UserContext,
    reason: str,
) -> list[Delivery]:
    """Give up what the refused save held; it would be refused again. Return what is left.

    Unless smaller digests than those ``saved`` with it may fit: then try those, and give nothing
    up.
    """
    if saved and outbox.shrink():
        alarms = sum(len(digest.items) for digest in saved)
        logger.warning(
            "digest.too_large", extra={"user": user_id, "alarms": alarms, "error": reason}
        )
        return held.unsettled()
    refused = held.in_save()
    if saved:
        refused.extend(held.requests())
    logger.error(
        "checkpoint.refused", extra={"user": user_id, "messages": len(refused), "error": reason}
    )
    given_up = {item.token for item in refused}
    context.acknowledger.dead_letter(list(given_up), Rejection(RejectionKind.UNSAVABLE, reason))
    return [item for item in held.unsettled() if item.token not in given_up]
