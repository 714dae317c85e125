"""Reading many checkpoints at a glance, for people. The core has no use for it."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, NamedTuple

import pymongo
from bson.int64 import Int64
from pymongo.errors import PyMongoError

from actors.errors import StoreUnavailableError
from actors.rules.alarms import Alarm, Severity, UserID
from store.client import BlockingReader, describe
from store.users.document import NOBODY
from store.users.mongo import COLLECTION

if TYPE_CHECKING:
    from store.settings import StoreSettings

_SCAN_MAX_MS = 60_000
"""Every document is looked at; the server gives up after this."""

_LAST_ID = chr(0x10FFFF) * 64
"""Behind every id: longer than one may be, of the character that comes last."""


class UserSummary(NamedTuple):
    """A stored user in numbers."""

    user_id: UserID
    known: int
    """Alarms that are remembered, of which ``active`` and ``due``."""
    active: int
    due: int
    digests: int
    owes: bool
    """Whether a digest is made and not yet known to be published."""


class AheadSummary(NamedTuple):
    """Stored alarms that stand as an event from the future says."""

    users: int
    alarms: int
    user_id: UserID
    """The user with the one that stands longest."""
    until_ns: int
    """Until when, in nanoseconds since 1970."""


class UserBrowser(BlockingReader):
    """Lists stored users. Blocks; use it in a ``with`` block, or close it."""

    def __init__(self, settings: StoreSettings) -> None:
        """Prepare; raises ``SettingsError`` like the store."""
        super().__init__(settings)
        self._users = self._client[settings.database][COLLECTION]

    def count(self) -> int:
        """Return how many users are stored, as the server estimates it at once.

        Raises ``StoreUnavailableError``.
        """
        try:
            return self._users.estimated_document_count()
        except PyMongoError as error:
            raise StoreUnavailableError(describe(error)) from error

    def most_due(
        self, limit: int, skip: int = 0, within_s: float | None = None
    ) -> list[UserSummary]:
        """Return users by the number of alarms the next digest would carry, most first.

        The server counts, and keeps only as many as are asked for. Raises
        ``StoreUnavailableError``, at the latest after ``within_s``.
        """
        return self._summaries(
            [
                {"$match": {"_id": {"$ne": NOBODY}}},
                {"$project": _SUMMARY},
                {"$sort": {"due": -1, "active": -1, "_id": 1}},
                {"$skip": skip},
                {"$limit": limit},
            ],
            within_s,
        )

    def ahead_of(self, at_ns: int, within_s: float) -> AheadSummary | None:
        """Return what stands as events say that are later than ``at_ns``; None when nothing does.

        The server looks at every user. Raises ``StoreUnavailableError``, at the latest after
        ``within_s``.
        """
        later = {"$gt": ["$$this", Int64(at_ns)]}
        found = self._aggregated(
            [
                {"$match": {"_id": {"$ne": NOBODY}}},
                {"$project": {"at": {"$filter": {"input": _CHANGED_AT, "cond": later}}}},
                {"$match": {"at": {"$ne": []}}},
                {"$project": {"alarms": {"$size": "$at"}, "until": {"$max": "$at"}}},
                {"$sort": {"until": -1, "_id": 1}},
                {
                    "$group": {
                        "_id": None,
                        "users": {"$sum": 1},
                        "alarms": {"$sum": "$alarms"},
                        "user_id": {"$first": "$$ROOT._id"},
                        "until": {"$first": "$until"},
                    }
                },
            ],
            within_s,
        )
        return next(
            (
                AheadSummary(one["users"], one["alarms"], one["user_id"], one["until"])
                for one in found
            ),
            None,
        )

    def by_id(
        self, prefix: str, after: str, limit: int, within_s: float | None = None
    ) -> list[UserSummary]:
        """Return users whose id begins with ``prefix``, those behind ``after``, in its order.

        Only these documents are looked at, however many there are. Raises
        ``StoreUnavailableError``, at the latest after ``within_s``.
        """
        bounds = {"$gt": after or NOBODY, "$gte": prefix, "$lt": prefix + _LAST_ID}
        return self._summaries(
            [
                {"$match": {"_id": bounds}},
                {"$sort": {"_id": 1}},
                {"$limit": limit},
                {"$project": _SUMMARY},
            ],
            within_s,
        )

    def _summaries(
        self, pipeline: list[dict[str, Any]], within_s: float | None
    ) -> list[UserSummary]:
        return [
            UserSummary(
                document["_id"],
                document["known"],
                document["active"],
                document["due"],
                document["digests"],
                document["owes"],
            )
            for document in self._aggregated(pipeline, within_s)
        ]

    def _aggregated(
        self, pipeline: list[dict[str, Any]], within_s: float | None
    ) -> list[dict[str, Any]]:
        # It stands for all of the URI's timeouts, so that none is set where none is wanted.
        bounded = nullcontext() if within_s is None else pymongo.timeout(within_s)
        try:
            with bounded:
                return list(
                    self._users.aggregate(pipeline, allowDiskUse=True, maxTimeMS=_SCAN_MAX_MS)
                )
        except PyMongoError as error:
            raise StoreUnavailableError(describe(error)) from error


def _alarms_where(condition: dict[str, Any] | bool) -> dict[str, Any]:
    """Return an expression that counts the alarms of all buckets for which ``$$alarm`` fits."""
    in_bucket = {
        "$size": {
            "$filter": {
                "input": {"$map": {"input": {"$objectToArray": "$$bucket.v"}, "in": "$$this.v"}},
                "as": "alarm",
                "cond": condition,
            }
        }
    }
    buckets = {"$objectToArray": {"$ifNull": ["$alarms", {}]}}
    return {"$sum": {"$map": {"input": buckets, "as": "bucket", "in": in_bucket}}}


def _stored(field: str) -> dict[str, Any]:
    """Return an expression for a field of ``$$alarm``, which is stored as the tuple that it is."""
    return {"$arrayElemAt": ["$$alarm", Alarm._fields.index(field)]}


# When each alarm of all buckets has changed.
_CHANGED_AT: dict[str, Any] = {
    "$reduce": {
        "input": {"$objectToArray": {"$ifNull": ["$alarms", {}]}},
        "initialValue": [],
        "in": {
            "$concatArrays": [
                "$$value",
                {
                    "$map": {
                        "input": {"$objectToArray": "$$this.v"},
                        "as": "entry",
                        "in": {"$arrayElemAt": ["$$entry.v", Alarm._fields.index("changed_at_ns")]},
                    }
                },
            ]
        },
    }
}

# ``Alarm.active`` and ``actors.rules.digest.is_due`` once more, for the server to compute; the
# contract suite stores each alarm that there can be and holds these to those.
_ACTIVE = {"$ne": [_stored("severity"), int(Severity.CLEARED)]}
_DUE = {"$and": [_ACTIVE, {"$eq": [_stored("news"), True]}]}
_SUMMARY: dict[str, Any] = {
    "known": _alarms_where(condition=True),
    "active": _alarms_where(_ACTIVE),
    "due": _alarms_where(_DUE),
    "digests": {"$ifNull": ["$cursor.number", 0]},
    # A list, or what schema 1 had, one digest; in MongoDB's order both are above null.
    "owes": {"$and": [{"$gt": ["$outbox", None]}, {"$ne": ["$outbox", []]}]},
}
