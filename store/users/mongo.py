"""MongoCheckpointStore: checkpoints in MongoDB, a group in one update command."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

from bson.errors import BSONError
from pymongo import ReadPreference
from pymongo.errors import DocumentTooLarge, OperationFailure, PyMongoError
from pymongo.read_concern import ReadConcern
from pymongo.write_concern import WriteConcern

from actors.errors import StoreUnavailableError
from actors.ports import Postponed, SaveOutcome, Unsavable
from actors.runtime.turns import Turns
from store.client import client_for, describe, opening
from store.users.document import NOBODY, to_probe
from store.users.fence import VALIDATION_FAILED, Fence
from store.users.slices import read_batch, to_statements

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from actors.ports import Checkpoint, CheckpointUpdate, Unreadable
    from actors.rules.alarms import UserID
    from store.settings import StoreSettings

COLLECTION = "users"

DURABLE = WriteConcern(w="majority", j=True, wtimeout=10_000)
"""An acknowledged event must survive whatever is killed."""

_PROBE = {"q": {"_id": NOBODY}, "u": to_probe(), "upsert": True}
_DUPLICATE_KEY = 11000
_REFUSED_CODES = frozenset(
    {
        2,  # BadValue
        9,  # FailedToParse
        28,  # PathNotViable
        10334,  # BSONObjectTooLarge
        17280,  # KeyTooLong
        17419,  # the document would exceed 16 MiB after the update
        17420,  # likewise, on an upsert
    }
)
"""Server codes that the same statement would get again."""
_SERVERS_FAULT = frozenset(
    {
        13,  # Unauthorized
        14031,  # OutOfDiskSpace
        11600,  # InterruptedAtShutdown
        11602,  # InterruptedDueToReplStateChange
        10107,  # NotWritablePrimary
        13435,  # NotPrimaryNoSecondaryOk
        13436,  # NotPrimaryOrSecondary
        189,  # PrimarySteppedDown
        91,  # ShutdownInProgress
        50,  # MaxTimeMSExpired
        64,  # WriteConcernFailed
        79,  # UnknownReplWriteConcern
        100,  # UnsatisfiableWriteConcern
    }
)
"""Codes that any other statement would get as well, or has got a moment ago."""
_LOADED_AT_A_TIME = 100
"""Users in one answer of the server's, which the driver decodes in one go."""
_ALARMS_IN_A_TURN = 1_000
"""Loaded before the loop may do something else: some 2 milliseconds."""
_ALARMS_IN_A_LOAD = 100_000
"""Loaded at which those that are left wait for another call: some 40 MB. The answer that exceeds it
has up to as many again, 16 MB of documents."""
_ATTEMPTS_ALONE = 3
"""A statement that fails while others are saved is refused at so many failures in a row."""


class MongoCheckpointStore:
    """One document a user in the collection ``users``; see ``store.users.document`` for its form.

    Runs on one event loop. With the driver that blocks, on threads, digests took nearly twice as
    long: under the GIL whatever a thread does may have the loop wait a millisecond for its turn.
    """

    def __init__(
        self,
        settings: StoreSettings,
        monotonic_s: Callable[[], float] = time.monotonic,
        fence_fell: Callable[[], None] | None = None,
        turns: Turns | None = None,
    ) -> None:
        """Prepare the client, which connects when first used.

        ``fence_fell`` is called when what was saved may have been overwritten meanwhile; ``turns``
        is told how long the loop was kept.

        Raises ``SettingsError`` for a URI that is malformed or names files that are no use.
        """
        self._client = client_for(settings)
        self._users = self._client[settings.database].get_collection(
            COLLECTION,
            write_concern=DURABLE,
            read_concern=ReadConcern("majority"),
            read_preference=ReadPreference.PRIMARY,
        )
        self._fence = Fence(self._users, monotonic_s, fence_fell)
        self._turns = turns or Turns()
        self._saved = 0
        self._failures: dict[UserID, tuple[int, int]] = {}
        """Of users whose statement failed though nothing else did: how often, and how many were
        saved in all when it began."""

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def open(self) -> None:
        """Return when the deployment answers, lets us in, and fences the collection.

        Raises ``StoreUnavailableError`` when it does not answer, ``SettingsError`` when it
        refuses our credentials or what we need to do.
        """
        with opening(self._users.full_name):
            await self._users.find_one({"_id": NOBODY}, {"_id": 1})
            await self._fence.raise_up()

    async def check(self) -> None:
        """Return when the primary answers a read; raises ``StoreUnavailableError``."""
        try:
            await self._users.find_one({"_id": NOBODY}, {"_id": 1})
            await self._fence.see_to()
        except PyMongoError as error:
            raise StoreUnavailableError(describe(error)) from error

    async def load(
        self, user_ids: Sequence[UserID]
    ) -> Mapping[UserID, Checkpoint | Unreadable | Postponed]:
        """See ``CheckpointStore``."""
        loaded: dict[UserID, Checkpoint | Unreadable] = {}
        wanted = {"_id": {"$in": list(user_ids)}}
        alarms = 0
        try:
            async with self._users.find_raw_batches(wanted, batch_size=_LOADED_AT_A_TIME) as found:
                async for batch in found:
                    alarms += await self._read(batch, loaded)  # type: ignore[arg-type]  # bytes
                    if alarms < _ALARMS_IN_A_LOAD or not found.alive:
                        continue
                    left = [one for one in user_ids if one not in loaded]
                    # As many as were asked for: a collation finds users under other ids than
                    # those, and they would be asked for again and again.
                    if len(left) < len(user_ids):
                        return loaded | dict.fromkeys(left, Postponed.POSTPONED)
        except PyMongoError as error:
            raise StoreUnavailableError(describe(error)) from error
        return loaded

    async def _read(self, batch: bytes, loaded: dict[UserID, Checkpoint | Unreadable]) -> int:
        """Read a batch into ``loaded`` by turns with the loop; return how many alarms it had."""
        alarms = unpaused = 0
        self._turns.begin()
        for some in read_batch(batch, loaded):
            alarms += some
            unpaused += some
            if unpaused >= _ALARMS_IN_A_TURN:
                unpaused = 0
                self._turns.end()
                await asyncio.sleep(0)
                self._turns.begin()
        self._turns.end()
        return alarms

    async def save(self, updates: Sequence[CheckpointUpdate]) -> Sequence[SaveOutcome | Unsavable]:
        """See ``CheckpointStore``.

        Refused for good is only what is certain to be the update's own fault: it cannot be encoded,
        or it fails again and again while others are saved. What every update would meet, a server
        without a journal, say, is waited out.
        """
        if not updates:
            return []
        try:
            statements = await to_statements(updates, self._turns)
            await self._fence.see_to()
            # The probe proves in the same breath that the fence stands, where it does its work.
            answer = await self._update([_PROBE, *statements])
        except (DocumentTooLarge, BSONError, OverflowError) as error:
            if len(updates) == 1:
                return [Unsavable(f"the checkpoint cannot be stored: {error}")]
            return await self._save_by_halves(updates)
        except OperationFailure as error:
            return await self._find_culprit(updates, error)
        except PyMongoError as error:
            raise StoreUnavailableError(describe(error)) from error
        return await self._outcomes(updates, answer)

    async def _update(self, statements: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
        # A bulk write of the driver's costs twice as much before it says the same.
        return await self._users.database.command(
            {
                "update": COLLECTION,
                "updates": statements,
                "ordered": False,
                "writeConcern": DURABLE.document,
            }
        )

    async def _outcomes(
        self, updates: Sequence[CheckpointUpdate], answer: Mapping[str, Any]
    ) -> Sequence[SaveOutcome | Unsavable]:
        """Read what became of each; raises ``StoreUnavailableError`` where that is uncertain."""
        not_durable = answer.get("writeConcernError")
        if not_durable is not None:
            raise StoreUnavailableError(f"not durable: {not_durable.get('errmsg')}")
        failures = {failure["index"]: failure for failure in answer.get("writeErrors", ())}
        fenced = failures.pop(0, None)
        if fenced is None:
            await self._mend_fence()
            raise StoreUnavailableError("the collection had lost its validator")
        if fenced["code"] != VALIDATION_FAILED:
            raise StoreUnavailableError(_reason(fenced))
        self._saved += len(updates) - len(failures)
        outcomes: list[SaveOutcome | Unsavable] = [SaveOutcome.SAVED] * len(updates)
        again = []
        for index, failure in failures.items():
            code, reason = failure["code"], _reason(failure)
            if code in (VALIDATION_FAILED, _DUPLICATE_KEY):
                outcomes[index - 1] = SaveOutcome.CONFLICTED
            elif code in _REFUSED_CODES or self._fails_alone(updates[index - 1].user_id, code):
                outcomes[index - 1] = Unsavable(f"MongoDB refused the checkpoint: {reason}")
            else:
                again.append(reason)
        if again:
            # Those that were saved conflict then, load, and find that they were.
            raise StoreUnavailableError(f"{len(again)} of {len(updates)} users: {again[0]}")
        if self._failures:
            for update in updates:
                self._failures.pop(update.user_id, None)
        return outcomes

    async def _find_culprit(
        self, updates: Sequence[CheckpointUpdate], error: OperationFailure
    ) -> Sequence[SaveOutcome | Unsavable]:
        """Find out whose update it is that the server refuses the whole command for, if any's."""
        code = error.code or 0
        if code not in _SERVERS_FAULT and await self._takes_probe():
            if len(updates) > 1:
                return await self._save_by_halves(updates)
            if self._fails_alone(updates[0].user_id, code):
                return [Unsavable(f"MongoDB refused the checkpoint: {describe(error)}")]
        raise StoreUnavailableError(describe(error)) from error

    async def _takes_probe(self) -> bool:
        """Whether the server now does with the probe alone what it should: refuse it."""
        try:
            answer = await self._update([_PROBE])
        except PyMongoError:
            return False
        codes = [failure["code"] for failure in answer.get("writeErrors", ())]
        return codes == [VALIDATION_FAILED] and answer.get("writeConcernError") is None

    def _fails_alone(self, user_id: UserID, code: int) -> bool:
        """Note that a user's statement failed; whether often enough, while others did not."""
        if code in _SERVERS_FAULT:
            return False
        failures, saved = self._failures.get(user_id, (0, self._saved))
        self._failures[user_id] = (failures + 1, saved)
        if failures + 1 < _ATTEMPTS_ALONE or self._saved == saved:
            return False
        del self._failures[user_id]
        return True

    async def _save_by_halves(
        self, updates: Sequence[CheckpointUpdate]
    ) -> Sequence[SaveOutcome | Unsavable]:
        """Find out whose update it is that driver or server refuse the whole group for."""
        half = len(updates) // 2
        return [*await self.save(updates[:half]), *await self.save(updates[half:])]

    async def _mend_fence(self) -> None:
        """Fence a collection that somebody has changed or replaced while we were running.

        What the group wrote unfenced is told to its users as an unknown end: they load again.
        """
        try:
            await self._fence.mend()
        except PyMongoError as error:
            raise StoreUnavailableError(describe(error)) from error


def _reason(failure: Mapping[str, Any]) -> str:
    return f"code {failure['code']}: {failure.get('errmsg')}"
