"""Documents in slices: the same as in one go, and never more than so many alarms at a time."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from bson import decode, encode
from bson.raw_bson import RawBSONDocument

from actors.ports import Checkpoint, CheckpointUpdate, Unreadable
from actors.rules.alarms import Alarm, AlarmID, Severity, UserID
from actors.rules.digest import Cursor, Digest, DigestID, DigestItem
from actors.rules.positions import Place
from actors.runtime.turns import Turns
from store.users.document import SCHEMA, to_changes, to_checkpoint
from store.users.slices import ALARMS_IN_A_SLICE, encoded_slices, read_batch, to_statements

if TYPE_CHECKING:
    import pytest

USER = UserID("ü")
MANY = 40_000
ALARM = Alarm(Severity.WARNING, 2 * 10**18, Severity.CLEARED, None, news=True, heard_at_s=1)
OWED = Digest(DigestID("d"), USER, (DigestItem(AlarmID("a"), Severity.WARNING, 5),), "trace")


def _ids(count: int) -> list[AlarmID]:
    return [AlarmID(f"alarm.{number:030}") for number in range(count)]


def _update(count: int, *, removed: int = 0) -> CheckpointUpdate:
    alarms: dict[AlarmID, Alarm | None] = dict.fromkeys(_ids(count), ALARM)
    alarms |= dict.fromkeys(_ids(removed))
    beyond: dict[AlarmID, tuple[object, ...]] = {_ids(count)[-1]: ("further",)}
    return CheckpointUpdate(USER, 6, alarms, Cursor(3, Place(7, 8), (OWED,)), beyond)


def _stored(update: CheckpointUpdate, user_id: UserID = USER) -> dict[str, Any]:
    """Return the document of a user that was saved so."""
    document: dict[str, Any] = {"_id": user_id, "version": update.base_version + 1}
    for path, value in to_changes(update)["$set"].items():
        *folders, name = path.split(".", 2)
        place = document
        for folder in folders:
            place = place.setdefault(folder, {})
        place[name] = value
    return document


def test_a_large_document_is_read_as_a_small_one_is_a_slice_at_a_time() -> None:
    """Some thousand alarms at the most before the loop may do something else."""
    document = encode(_stored(_update(MANY)))
    loaded: dict[UserID, Checkpoint | Unreadable] = {}
    slices = list(read_batch(document, loaded))
    assert sum(slices) == MANY
    assert max(slices) <= ALARMS_IN_A_SLICE
    assert loaded == {USER: to_checkpoint(decode(document))}


def test_small_and_large_documents_are_read_in_whatever_order() -> None:
    """Many small ones are decoded together, but not with a large one, nor too many."""
    counts = [10, 1, 5_000, 2, 3, 4_000, *[100] * 60, 6_000]
    names = [UserID(f"user-{number}") for number in range(len(counts))]
    documents = [
        encode(_stored(_update(count), name)) for name, count in zip(names, counts, strict=True)
    ]
    loaded: dict[UserID, Checkpoint | Unreadable] = {}
    slices = list(read_batch(b"".join(documents), loaded))
    assert (sum(slices), max(slices) <= ALARMS_IN_A_SLICE) == (sum(counts), True)
    for name, document in zip(names, documents, strict=True):
        assert loaded[name] == to_checkpoint(decode(document))


def test_a_large_document_that_cannot_be_read_says_why() -> None:
    """Of a newer version, damaged in its form, or not to be decoded; nobody is hidden by it."""
    fine = _stored(_update(5_000))
    newer = {**fine, "_id": "newer", "schema": SCHEMA + 1}
    odd = {**fine, "_id": "odd", "alarms": {**fine["alarms"], "7": {"a": "?" * 6}}}
    broken = encode({**fine, "_id": "broken", "alarms": {**fine["alarms"], "7": {"ab": "xyz"}}})
    broken = broken.replace(b"\x02ab\0", b"\x7dab\0")
    loaded: dict[UserID, Checkpoint | Unreadable] = {}
    for _ in read_batch(encode(newer) + encode(odd) + broken + encode(fine), loaded):
        pass
    unreadable = [loaded[UserID(name)] for name in ("newer", "odd", "broken")]
    assert all(isinstance(one, Unreadable) for one in unreadable)
    assert [getattr(one, "newer", None) for one in unreadable] == [True, False, False]
    assert isinstance(loaded[USER], Checkpoint)


def test_a_large_update_is_encoded_a_slice_at_a_time() -> None:
    """Never more than so many alarms in one; all of it is what a small one would be."""
    update = _update(MANY // 4, removed=3)
    slices = [(decode(changes), decode(removals)) for changes, removals in encoded_slices(update)]
    assert all(len(changes) + len(gone) <= ALARMS_IN_A_SLICE + 2 for changes, gone in slices)
    turns = Turns()
    [statement] = asyncio.run(to_statements([update], turns))
    assert isinstance(statement["u"]["$set"], RawBSONDocument)
    assert decode(encode(statement)) == decode(
        encode({"q": {"_id": USER}, "u": to_changes(update), "upsert": True})
    )
    assert turns.longest_s > 0


def test_a_large_update_is_not_decoded_again_to_see_whether_it_is_empty(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Which took longer than all of its slices, in one go."""
    update = _update(MANY // 4, removed=3)

    def inflate(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr("bson.raw_bson._inflate_bson", inflate)
    [statement] = asyncio.run(to_statements([update], Turns()))
    assert set(statement["u"]) == {"$set", "$unset", "$inc"}


def test_a_group_pauses_between_its_users() -> None:
    """However the alarms are spread over them."""

    async def pauses() -> int:
        loop, seen, done = asyncio.get_running_loop(), 0, False

        def look() -> None:
            nonlocal seen
            seen += 1
            if not done:
                loop.call_soon(look)

        loop.call_soon(look)
        await to_statements([_update(1_000)] * 10, Turns())
        done = True
        return seen

    assert asyncio.run(pauses()) >= 10_000 // ALARMS_IN_A_SLICE - 1
