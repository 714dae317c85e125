"""What MongoDB adds to the contract: damage, absence, and documents of other hands."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from bson import encode
from bson.raw_bson import RawBSONDocument

from actors.errors import StoreUnavailableError
from actors.ports import (
    Checkpoint,
    CheckpointUpdate,
    Postponed,
    SaveOutcome,
    Unreadable,
    Unsavable,
)
from actors.rules.alarms import Alarm, AlarmID, Severity, UserID
from actors.rules.digest import Cursor
from actors.rules.positions import Place
from store.settings import StoreSettings
from store.users.blocking import StandaloneStore

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tests.contract.conftest import MongoSide

ALICE, BOB, CAROL = UserID("alice"), UserID("bob"), UserID("carol")
A = AlarmID("a")
WARNING = Alarm(Severity.WARNING, 5, Severity.CLEARED, None, news=True, heard_at_s=9)
STORED = Checkpoint(1, {A: WARNING}, Cursor())
# Nothing listens on port 1; the driver is to notice at once.
NOBODY = "mongodb://alice:hunter2@127.0.0.1:1/?serverSelectionTimeoutMS=50"


def test_a_server_that_is_away_is_worth_a_retry() -> None:
    """Every call says so by the error's type, in one line and without the password."""
    store = StandaloneStore(StoreSettings(uri=NOBODY))
    calls: list[Callable[[], object]] = [
        lambda: store.load([ALICE]),
        lambda: store.save([CheckpointUpdate(ALICE, 0, {A: WARNING}, None)]),
    ]
    try:
        for call in calls:
            with pytest.raises(StoreUnavailableError) as unavailable:
                call()
            assert "\n" not in str(unavailable.value)
            assert "hunter2" not in str(unavailable.value)
            assert "Topology" not in str(unavailable.value)
    finally:
        store.close()


def test_a_document_is_stored_in_the_form_of_the_schema(
    mongo: MongoSide,
) -> None:
    """An operator reads it, and an older version of this service."""
    alarms = {AlarmID("$a.b"): WARNING}
    mongo.store.save([CheckpointUpdate(ALICE, 0, alarms, Cursor(3, Place(7, 8)))])
    assert list(mongo.users.find()) == [
        {
            "_id": "alice",
            "schema": 2,
            "base": 0,
            "version": 1,
            "alarms": {"58": {"%24a%2Eb": [1, 5, 0, None, True, 9]}},
            "cursor": {"number": 3, "answered": [7, 8]},
        }
    ]


def test_an_unreadable_document_does_not_hide_the_others(
    mongo: MongoSide,
) -> None:
    """One user's damage is that user's."""
    mongo.store.save([CheckpointUpdate(ALICE, 0, {A: WARNING}, None)])
    mongo.users.insert_one({"_id": BOB, "schema": 3, "base": 0, "version": 1})
    mongo.users.insert_one(
        {"_id": CAROL, "schema": 1, "base": 0, "version": 1, "alarms": {"a": "?"}}
    )
    loaded = mongo.store.load([ALICE, BOB, CAROL, UserID("dave")])
    assert loaded.keys() == {ALICE, BOB, CAROL}
    assert loaded[ALICE] == STORED
    assert isinstance(loaded[BOB], Unreadable)
    assert isinstance(loaded[CAROL], Unreadable)


def test_a_document_that_the_driver_cannot_decode_does_not_hide_the_others(
    mongo: MongoSide,
) -> None:
    """A date beyond the year 9999 is enough: the driver then refuses the whole answer."""
    mongo.store.save([CheckpointUpdate(ALICE, 0, {A: WARNING}, None)])
    document = encode(
        {"_id": BOB, "schema": 1, "base": 0, "version": 1, "seen": datetime(2021, 6, 7, tzinfo=UTC)}
    )
    milliseconds = int(datetime(2021, 6, 7, tzinfo=UTC).timestamp() * 1000)
    beyond = document.replace(milliseconds.to_bytes(8, "little"), (2**62).to_bytes(8, "little"))
    mongo.users.insert_one(RawBSONDocument(beyond))
    loaded = mongo.store.load([ALICE, BOB, CAROL])
    assert loaded.keys() == {ALICE, BOB}
    assert loaded[ALICE] == STORED
    assert isinstance(loaded[BOB], Unreadable)


def test_an_update_that_the_server_refuses_for_good_is_unsavable(mongo: MongoSide) -> None:
    """Alarms that are no document: no retry would help; the others are saved all the same."""
    mongo.users.insert_one({"_id": CAROL, "schema": 1, "base": 0, "version": 1, "alarms": 5})
    saved, refused = mongo.store.save(
        [
            CheckpointUpdate(ALICE, 0, {A: WARNING}, None),
            CheckpointUpdate(CAROL, 1, {A: WARNING}, None),
        ]
    )
    assert saved is SaveOutcome.SAVED
    assert isinstance(refused, Unsavable)
    assert refused.reason.startswith("MongoDB refused the checkpoint: ")
    assert mongo.store.load([ALICE]) == {ALICE: STORED}


def test_a_document_of_schema_1_is_written_over_by_the_next_cursor(
    mongo: MongoSide,
) -> None:
    """Wholly: nothing of the old form stays."""
    alarms = {"13": {"a": [1, 5, 0, None, True, 9]}}
    cursor = {"number": 3, "answered": ["5.6"]}
    stored = {"schema": 1, "base": 6, "version": 7, "alarms": alarms, "cursor": cursor}
    owed = {"id": "d3", "items": [["a", 1, 5]]}
    mongo.users.insert_one({"_id": ALICE, **stored, "outbox": owed})
    read = mongo.store.load([ALICE])[ALICE]
    assert isinstance(read, Checkpoint)
    assert (read.version, read.alarms, read.cursor.earlier) == (7, {A: WARNING}, ("5.6",))
    settled = Cursor(3, Place(7, 8))
    assert mongo.store.save([CheckpointUpdate(ALICE, 7, {}, settled)]) == [SaveOutcome.SAVED]
    found = mongo.users.find_one({"_id": ALICE})
    assert found == {
        "_id": "alice",
        "schema": 2,
        "base": 7,
        "version": 8,
        "alarms": alarms,
        "cursor": {"number": 3, "answered": [7, 8]},
    }


def test_thirty_thousand_alarms_are_added_to_as_many_in_seconds(mongo: MongoSide) -> None:
    """Without buckets MongoDB walks over all of them for each: longer than the socket waits."""
    for version in range(2):
        alarms = {AlarmID(f"{'x' * 200}-{version}-{number}"): WARNING for number in range(30_000)}
        assert mongo.store.save([CheckpointUpdate(ALICE, version, alarms, None)]) == [
            SaveOutcome.SAVED
        ]
    loaded = mongo.store.load([ALICE])[ALICE]
    assert isinstance(loaded, Checkpoint)
    assert len(loaded.alarms) == 60_000


def test_of_users_with_many_alarms_a_load_takes_some(
    mongo: MongoSide, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thousand of ten thousand would be four gigabytes; whoever has a thread gets them all."""
    monkeypatch.setattr("store.users.mongo._ALARMS_IN_A_LOAD", 2)
    monkeypatch.setattr("store.users.mongo._LOADED_AT_A_TIME", 2)
    users = [UserID(f"user-{number}") for number in range(7)]
    mongo.store.save([CheckpointUpdate(user, 0, {A: WARNING}, None) for user in users])
    answered: list[int] = []
    inner = mongo.store.inner
    load = inner.load

    async def counted(
        user_ids: Sequence[UserID],
    ) -> Mapping[UserID, Checkpoint | Unreadable | Postponed]:
        found = await load(user_ids)
        answered.append(sum(isinstance(one, Checkpoint) for one in found.values()))
        return found

    monkeypatch.setattr(inner, "load", counted)
    loaded = mongo.store.load([*users, UserID("never saved")])
    assert loaded == dict.fromkeys(users, Checkpoint(1, {A: WARNING}, Cursor()))
    assert answered == [2, 2, 2, 1]


def test_a_number_beyond_64_bits_is_unsavable_alone(mongo: MongoSide) -> None:
    """The driver refuses the whole group for it; the others are saved all the same."""
    beyond = WARNING._replace(changed_at_ns=2**63)
    refused, saved = mongo.store.save(
        [
            CheckpointUpdate(BOB, 0, {A: beyond}, None),
            CheckpointUpdate(ALICE, 0, {A: WARNING}, None),
        ]
    )
    assert isinstance(refused, Unsavable)
    assert saved is SaveOutcome.SAVED
    assert mongo.store.load([ALICE, BOB]) == {ALICE: STORED}
