"""Documents of users read and written in slices, between which the loop does other things.

A user may have 140,000 alarms in 13 MiB: to decode and read such a document, or to write one that
has changed wholly, takes a good tenth of a second. Small ones are decoded many at a time, as that
costs less; a large one a bucket at a time, and encoded some alarms at a time.
"""

from __future__ import annotations

import asyncio
from itertools import islice
from typing import TYPE_CHECKING, Any

from bson import decode, decode_all, encode
from bson.errors import BSONError
from bson.raw_bson import RawBSONDocument

from actors.ports import Checkpoint, Unreadable
from actors.rules.alarms import UserID
from store.users.document import (
    DAMAGE,
    change_alarms,
    change_cursor,
    damaged,
    read_alarms,
    stamp,
    to_changes,
    to_checkpoint,
    to_operators,
    to_whole,
    too_new,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from actors.ports import CheckpointUpdate
    from actors.rules.alarms import Alarm, AlarmID
    from actors.runtime.turns import Turns

ALARMS_IN_A_SLICE = 2_500
"""Some 3 milliseconds, to be read or to be written."""
_NO_FIELDS = encode({})
_LARGE_BYTES = 128 * 1024
"""A document that is larger has slices of its own; others are decoded so many bytes at a time."""


def read_batch(batch: bytes, loaded: dict[UserID, Checkpoint | Unreadable]) -> Iterator[int]:
    """Read documents, one behind the other, into ``loaded``.

    Yields behind each slice how many alarms it had.
    """
    begin = place = 0
    while place < len(batch):
        end = place + int.from_bytes(batch[place : place + 4], "little")
        if end - begin > _LARGE_BYTES:
            if begin < place:
                yield _read_small(batch[begin:place], loaded)
                begin = place
            if end - place > _LARGE_BYTES:
                yield from _read_large(batch[place:end], loaded)
                begin = end
        place = end
    if begin < place:
        yield _read_small(batch[begin:place], loaded)


def _read_small(documents: bytes, loaded: dict[UserID, Checkpoint | Unreadable]) -> int:
    try:
        decoded: Sequence[Mapping[str, Any]] = decode_all(documents)
    except BSONError:
        decoded = _decoded_one_by_one(documents, loaded)
    alarms = 0
    for document in decoded:
        loaded[document["_id"]] = checkpoint = to_checkpoint(document)
        if not isinstance(checkpoint, Unreadable):
            alarms += len(checkpoint.alarms)
    return alarms


def _decoded_one_by_one(
    documents: bytes, loaded: dict[UserID, Checkpoint | Unreadable]
) -> list[Mapping[str, Any]]:
    """Return those that can be decoded; the others are unreadable, and hide nobody."""
    decoded: list[Mapping[str, Any]] = []
    place = 0
    while place < len(documents):
        end = place + int.from_bytes(documents[place : place + 4], "little")
        document, place = documents[place:end], end
        try:
            decoded.append(decode(document))
        except BSONError as error:
            loaded[_user_of(document)] = _undecodable(error)
    return decoded


def _read_large(document: bytes, loaded: dict[UserID, Checkpoint | Unreadable]) -> Iterator[int]:
    user_id = _user_of(document)
    try:
        stored = RawBSONDocument(document)
        if (newer := too_new(stored)) is not None:
            loaded[user_id] = newer
            return
        alarms: dict[AlarmID, Alarm] = {}
        beyond: dict[AlarmID, tuple[object, ...]] = {}
        buckets = stored.get("alarms", {}).values()
        yield 0
        for bucket in buckets:
            known = len(alarms)
            read_alarms(decode(bucket.raw), alarms, beyond)
            yield len(alarms) - known
        loaded[user_id] = to_whole(stored, alarms, beyond)
    except BSONError as error:
        loaded[user_id] = _undecodable(error)
    except DAMAGE as error:
        loaded[user_id] = damaged(error)


def _user_of(document: bytes) -> UserID:
    """Return the id of a document that may be damaged: its first field, MongoDB sees to that."""
    size = int.from_bytes(document[9:13], "little")
    return UserID(document[13 : 13 + size - 1].decode())


def _undecodable(error: BSONError) -> Unreadable:
    return Unreadable(f"the checkpoint is damaged: {error}")


async def to_statements(updates: Sequence[CheckpointUpdate], turns: Turns) -> list[dict[str, Any]]:
    """Return the statements of an update command; those of a large update already encoded."""
    statements: list[dict[str, Any]] = []
    unpaused = 0
    turns.begin()
    for update in updates:
        alarms = len(update.alarms)
        changes = (
            to_changes(update) if alarms <= ALARMS_IN_A_SLICE else await _encoded(update, turns)
        )
        statements.append({"q": {"_id": update.user_id}, "u": changes, "upsert": True})
        unpaused += alarms
        if unpaused > ALARMS_IN_A_SLICE:
            unpaused = 0
            await _pause(turns)
    turns.end()
    return statements


async def _pause(turns: Turns) -> None:
    turns.end()
    await asyncio.sleep(0)
    turns.begin()


async def _encoded(update: CheckpointUpdate, turns: Turns) -> dict[str, Any]:
    changes, removals = [], []
    for changed, removed in encoded_slices(update):
        changes.append(changed)
        removals.append(removed)
        await _pause(turns)
    removals = [some for some in removals if some != _NO_FIELDS]
    return to_operators(_joined(changes), _joined(removals) if removals else None)


def encoded_slices(update: CheckpointUpdate) -> Iterator[tuple[bytes, bytes]]:
    """Yield documents of what is set and of what is removed, so many alarms at a time."""
    left = iter(update.alarms.items())
    changes, removals = stamp(update), dict[str, str]()
    while some := list(islice(left, ALARMS_IN_A_SLICE)):
        change_alarms(some, update.beyond, changes, removals)
        yield encode(changes), encode(removals)
        changes, removals = {}, {}
    if update.cursor is not None:
        change_cursor(update.cursor, changes, removals)
        yield encode(changes), encode(removals)


def _joined(documents: Sequence[bytes]) -> RawBSONDocument:
    """Return one document with the fields of all.

    To ask how many it has, or whether any, would decode all of them.
    """
    # A document is its length in four bytes, its fields, and a zero.
    fields = b"".join([document[4:-1] for document in documents])
    return RawBSONDocument((len(fields) + 5).to_bytes(4, "little") + fields + b"\0")
