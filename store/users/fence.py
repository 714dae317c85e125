"""The fence: the collection's validator, which makes an update a compare-and-set; and its watch.

Without it every save would succeed, and two processes could overwrite each other. So it is watched
in two ways. *Compared*: what the collection says it has, rule, level and action, at the start and
every few seconds of saving. *Tried*: a probe that it must refuse, at the start and with every group
of saves. Each sees what the other does not: a validator that only warns refuses nothing, one of
level "moderate" refuses the probe and admits updates of documents that are wrong already.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any

from pymongo.errors import CollectionInvalid, WriteError

from actors.errors import StoreUnavailableError
from store.users.document import FENCE, NOBODY, to_probe

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pymongo.asynchronous.collection import AsyncCollection

logger = logging.getLogger("store.mongo")

COMPARE_EVERY_S = 5.0
"""While users are saved, what the collection says it has is asked for again after so long."""

VALIDATION_FAILED = 121
"""The server's code for what the fence refuses."""

_LEVEL, _ACTION = "strict", "error"


def stands(options: Mapping[str, Any]) -> bool:
    """Whether a collection of these options is fenced: rule, level and action."""
    return (
        options.get("validator") == FENCE
        and options.get("validationLevel", _LEVEL) == _LEVEL
        and options.get("validationAction", _ACTION) == _ACTION
    )


class Fence:
    """The validator of one collection; lets the driver's errors through."""

    def __init__(
        self,
        users: AsyncCollection[dict[str, Any]],
        monotonic_s: Callable[[], float] = time.monotonic,
        fell: Callable[[], None] | None = None,
    ) -> None:
        """Watch ``users``; ``fell`` is called each time that the fence is found missing."""
        self._users = users
        self._fell = fell
        self._monotonic_s = monotonic_s
        self._compared_at_s = float("-inf")

    async def raise_up(self) -> None:
        """Make sure that the collection is there and fenced, and that we may write to it.

        Raises ``StoreUnavailableError`` when it is not, whatever the collection says it has.
        """
        await self._compare()
        if not await self._refuses_probe():
            await self.mend()
            if not await self._refuses_probe():
                raise StoreUnavailableError(
                    f"{self._users.full_name} takes what its validator forbids"
                )

    async def see_to(self) -> None:
        """Compare, and mend, unless that was done a moment ago."""
        if self._monotonic_s() - self._compared_at_s >= COMPARE_EVERY_S:
            await self._compare()

    async def mend(self) -> None:
        """Fence a collection that has let a probe through."""
        if await self._compare():
            self._note_missing()
        # Afterwards, for now nobody's probe can make it anew.
        await self._users.delete_one({"_id": NOBODY})

    async def _refuses_probe(self) -> bool:
        try:
            await self._users.update_one({"_id": NOBODY}, to_probe(), upsert=True)
        except WriteError as error:
            if error.code != VALIDATION_FAILED:
                raise
            return True
        return False

    async def _compare(self) -> bool:
        """Return whether the fence stood, or there was nothing to fence; it stands now."""
        named = {"name": self._users.name}
        known = await anext(await self._users.database.list_collections(filter=named), None)
        stood = known is None or stands(known["options"])
        if known is None:
            await self._create()
        elif not stood:
            self._note_missing()
            await self._set()
        self._compared_at_s = self._monotonic_s()
        return stood

    async def _create(self) -> None:
        try:
            await self._users.database.create_collection(self._users.name, validator=FENCE)
        except CollectionInvalid:
            await self._set()  # another process was faster, and may be of another version

    async def _set(self) -> None:
        await self._users.database.command(
            "collMod",
            self._users.name,
            validator=FENCE,
            validationLevel=_LEVEL,
            validationAction=_ACTION,
        )

    def _note_missing(self) -> None:
        # What was saved meanwhile may have overwritten what somebody else had saved.
        logger.critical("store.fence_missing", extra={"collection": self._users.full_name})
        if self._fell is not None:
            self._fell()
