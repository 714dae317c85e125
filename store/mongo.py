"""MongoCheckpointStore: checkpoints in MongoDB, a group in one bulk write."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from bson.errors import BSONError
from pymongo import ReadPreference, UpdateOne
from pymongo.errors import (
    BulkWriteError,
    CollectionInvalid,
    DocumentTooLarge,
    OperationFailure,
    PyMongoError,
    WriteError,
)
from pymongo.read_concern import ReadConcern
from pymongo.write_concern import WriteConcern

from actors.errors import SettingsError, StoreUnavailableError
from actors.ports import SaveOutcome, Unreadable, Unsavable
from store.client import NOT_ALLOWED_CODES, client_for, describe, describe_refusal
from store.document import FENCE, NOBODY, to_changes, to_checkpoint, to_probe

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from actors.alarms import UserID
    from actors.ports import Checkpoint, CheckpointUpdate
    from store.settings import StoreSettings

logger = logging.getLogger("store.mongo")

COLLECTION = "users"

DURABLE = WriteConcern(w="majority", j=True, wtimeout=10_000)
"""An acknowledged event must survive whatever is killed."""

_DUPLICATE_KEY = 11000
_VALIDATION_FAILED = 121
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
"""Server codes that the same update would get again; every other one is worth a retry."""


class MongoCheckpointStore:
    """One document a user in the collection ``users``; see ``store.document`` for its form."""

    def __init__(self, settings: StoreSettings) -> None:
        """Prepare the client, which connects when first used.

        Raises ``SettingsError`` for a URI that is malformed or names files that are no use.
        """
        self._client = client_for(settings)
        self._users = self._client[settings.database].get_collection(
            COLLECTION,
            write_concern=DURABLE,
            read_concern=ReadConcern("majority"),
            read_preference=ReadPreference.PRIMARY,
        )

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def open(self) -> None:
        """Return when the deployment answers, lets us in, and fences the collection.

        Raises ``StoreUnavailableError`` when it does not answer, ``SettingsError`` when it
        refuses our credentials or what we need to do.
        """
        try:
            self._users.find_one({"_id": NOBODY}, {"_id": 1})
            self._fence()
            self._try_fence()
        except OperationFailure as error:
            if error.code in NOT_ALLOWED_CODES:
                raise SettingsError(describe_refusal(error, self._users.full_name)) from None
            raise StoreUnavailableError(describe(error)) from error
        except PyMongoError as error:
            if "certificate verify failed" in str(error):
                raise SettingsError(
                    "MONGODB_URI: the server's certificate is not trusted; see tlsCAFile"
                ) from None
            raise StoreUnavailableError(describe(error)) from error

    def check(self) -> None:
        """Return when the primary answers a read; raises ``StoreUnavailableError``."""
        try:
            self._users.find_one({"_id": NOBODY}, {"_id": 1})
        except PyMongoError as error:
            raise StoreUnavailableError(describe(error)) from error

    def _try_fence(self) -> None:
        """Make sure that we may write, and that the fence refuses what it must."""
        try:
            self._users.update_one({"_id": NOBODY}, to_probe(), upsert=True)
        except WriteError as error:
            if error.code != _VALIDATION_FAILED:
                raise
        else:
            self._mend_fence()

    def _fence(self) -> None:
        """Make sure that the collection is there and has the validator that saves rely on."""
        database = self._users.database
        known = next(database.list_collections(filter={"name": COLLECTION}), None)
        if known is None:
            try:
                database.create_collection(COLLECTION, validator=FENCE)
            except CollectionInvalid:
                pass  # another process was faster
            else:
                return
        elif known["options"].get("validator") == FENCE:
            return
        database.command(
            "collMod",
            COLLECTION,
            validator=FENCE,
            validationLevel="strict",
            validationAction="error",
        )

    def load(self, user_ids: Sequence[UserID]) -> Mapping[UserID, Checkpoint | Unreadable]:
        """See ``CheckpointStore``."""
        try:
            documents = list(self._users.find({"_id": {"$in": list(user_ids)}}))
        except BSONError as error:
            # Raised by the driver for the whole group; find out whose it is.
            if len(user_ids) == 1:
                return {user_ids[0]: Unreadable(f"the checkpoint is damaged: {error}")}
            return {
                known_id: found
                for user_id in user_ids
                for known_id, found in self.load([user_id]).items()
            }
        except PyMongoError as error:
            raise StoreUnavailableError(describe(error)) from error
        return {document["_id"]: to_checkpoint(document) for document in documents}

    def save(self, updates: Sequence[CheckpointUpdate]) -> Sequence[SaveOutcome | Unsavable]:
        """See ``CheckpointStore``."""
        if not updates:
            return []
        # Proves in the same breath that the fence stands; it fails where the fence does its work.
        probe = UpdateOne({"_id": NOBODY}, to_probe(), upsert=True)
        operations = [
            UpdateOne({"_id": update.user_id}, to_changes(update), upsert=True)
            for update in updates
        ]
        try:
            self._users.bulk_write([probe, *operations], ordered=False)
        except BulkWriteError as error:
            return self._outcomes(updates, error)
        except (DocumentTooLarge, BSONError, OverflowError) as error:
            return self._save_one_by_one(updates, error)
        except OperationFailure as error:
            if error.code not in _REFUSED_CODES:
                raise StoreUnavailableError(describe(error)) from error
            return self._save_one_by_one(updates, error)
        except PyMongoError as error:
            raise StoreUnavailableError(describe(error)) from error
        self._mend_fence()
        raise StoreUnavailableError("the collection had lost its validator")

    def _save_one_by_one(
        self, updates: Sequence[CheckpointUpdate], error: Exception
    ) -> Sequence[SaveOutcome | Unsavable]:
        """Find out whose update it is that driver or server refuse the whole group for."""
        if len(updates) == 1:
            return [Unsavable(f"the checkpoint cannot be stored: {error}")]
        return [outcome for update in updates for outcome in self.save([update])]

    def _outcomes(
        self, updates: Sequence[CheckpointUpdate], error: BulkWriteError
    ) -> list[SaveOutcome | Unsavable]:
        details = error.details or {}
        if details.get("writeConcernErrors"):
            first = details["writeConcernErrors"][0]
            raise StoreUnavailableError(f"not durable: {first.get('errmsg')}") from error
        failures = {failure["index"]: failure for failure in details.get("writeErrors", ())}
        if failures.pop(0, {}).get("code") != _VALIDATION_FAILED:
            self._mend_fence()
            raise StoreUnavailableError("the collection had lost its validator") from error
        outcomes: list[SaveOutcome | Unsavable] = [SaveOutcome.SAVED] * len(updates)
        for index, failure in failures.items():
            code, reason = failure.get("code"), failure.get("errmsg", "no reason given")
            if code in (_VALIDATION_FAILED, _DUPLICATE_KEY):
                outcomes[index - 1] = SaveOutcome.CONFLICTED
            elif code in _REFUSED_CODES:
                outcomes[index - 1] = Unsavable(f"MongoDB refused the checkpoint: {reason}")
            else:
                raise StoreUnavailableError(f"code {code}: {reason}") from error
        return outcomes

    def _mend_fence(self) -> None:
        """Fence a collection that somebody has replaced while we were running.

        What the group wrote unfenced is told to its users as an unknown end: they load again.
        """
        logger.critical("store.fence_missing", extra={"collection": self._users.full_name})
        try:
            self._users.delete_one({"_id": NOBODY})
            self._fence()
        except PyMongoError as error:
            raise StoreUnavailableError(describe(error)) from error
