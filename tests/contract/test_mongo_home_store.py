"""What MongoDB adds to the contract of homes: the stored form, and documents of other hands."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from bson import encode
from bson.int64 import Int64
from bson.raw_bson import RawBSONDocument

from actors.errors import SettingsError, StoreUnavailableError
from actors.rules.partitions import HomePosition, Instance, InstanceID, Partition
from actors.rules.positions import BEGIN, Place
from store.homes.mongo import MongoHomeStore
from store.settings import StoreSettings
from tests.contract.conftest import HOMES_DATABASE, HOMES_WITHIN_S
from tests.doubles import logged

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from contextlib import AbstractAsyncContextManager

    from pymongo.database import Database

    Open = Callable[[], AbstractAsyncContextManager[MongoHomeStore]]

ME = InstanceID("me")
NOW_S = 1_800_000_000
INSTANCE = Instance(ME, "host", 1, False, True, 2, None, "1.2.3", 1_623_098_415)  # noqa: FBT003
PLACE = Place(7, 1_623_098_415_598_765_212, "created")
STORED = {"sequence": 7, "timestamp": 1_623_098_415_598_765_212, "log": "created"}


@pytest.fixture
def opened(mongodb_uri: str, homes_shell: Database[Any]) -> Open:
    """Open a store on the database that a shell sees, at the time ``NOW_S``."""
    settings = StoreSettings(mongodb_uri, homes_shell.name)

    @asynccontextmanager
    async def make() -> AsyncIterator[MongoHomeStore]:
        store = MongoHomeStore(settings, HOMES_WITHIN_S, lambda: float(NOW_S))
        try:
            await store.open()
            yield store
        finally:
            await store.close()

    return make


async def test_what_others_rely_on_is_stored_as_promised(
    opened: Open, homes_shell: Database[Any]
) -> None:
    """SPEC section 7: an operator's tools read it."""
    async with opened() as store:
        await store.beat(INSTANCE)
        view = await store.look()
        await store.claim(ME, view.partitions[63:])
        await store.save_positions(ME, [HomePosition(63, 1, PLACE)])
        await store.note_stream("$KV_a", "created")
    nobodys = {"home": None, "epoch": 0, "position": {"sequence": 0, "timestamp": 0, "log": ""}}
    assert list(homes_shell["partitions"].find().sort("_id")) == [
        *({"_id": number, **nobodys} for number in range(63)),
        {"_id": 63, "home": "me", "epoch": 1, "position": STORED, "schema": 2},
    ]
    assert list(homes_shell["instances"].find()) == [
        {
            "_id": "me",
            "name": "host",
            "beat": 1,
            "leaving": False,
            "reading": True,
            "schema": 2,
            "address": None,
            "version": "1.2.3",
            "started": 1_623_098_415,
        }
    ]
    assert list(homes_shell["layout"].find()) == [
        {
            "_id": "layout",
            "schema": 1,
            "partitions": 64,
            "hash": "crc32",
            "streams": {"%24KV_a": "created"},
        }
    ]


async def test_ten_instances_that_start_at_once_make_it_once(
    mongodb_uri: str, homes_shell: Database[Any]
) -> None:
    """Where there is nothing yet, not even the collections."""
    for name in ("layout", "partitions", "instances"):
        homes_shell.drop_collection(name)
    settings = StoreSettings(mongodb_uri, HOMES_DATABASE)
    stores = [MongoHomeStore(settings, HOMES_WITHIN_S) for _ in range(10)]
    try:
        await asyncio.gather(*(store.open() for store in stores))
        views = await asyncio.gather(*(store.look() for store in stores))
    finally:
        await asyncio.gather(*(store.close() for store in stores))
    assert len(set(views)) == 1
    assert {(one.home, one.position) for one in views[0].partitions} == {(None, BEGIN)}
    assert homes_shell["layout"].count_documents({}) == 1
    assert homes_shell["partitions"].count_documents({}) == 64


@pytest.mark.parametrize(
    ("changed", "complaint"),
    [
        ({"partitions": 32}, "has 32 partitions by 'crc32', this version works with 64 by 'crc32'"),
        ({"hash": "md5"}, "has 64 partitions by 'md5', this version works with 64 by 'crc32'"),
        ({"hash": 5}, "has 64 partitions by 5, "),
        ({"partitions": None}, "has None partitions by "),
        ({"schema": 2}, "has schema 2, this version reads up to 1: "),
        ({"schema": 2.0, "partitions": 9}, "has schema 2, this version reads up to 1: "),
        ({"schema": "1"}, "has a damaged document 'layout': remove it"),
        ({"streams": 5}, "has a damaged document 'layout': remove it"),
    ],
)
async def test_a_layout_of_another_kind_is_a_settings_error(
    opened: Open, homes_shell: Database[Any], changed: dict[str, Any], complaint: str
) -> None:
    """One line, which names the setting, what is there, and the mend."""
    async with opened():
        pass
    homes_shell["layout"].update_one({}, {"$set": changed})
    with pytest.raises(SettingsError, match=r"^MONGODB_DATABASE: [^\n]+$") as refused:
        async with opened():
            pass
    assert f"{HOMES_DATABASE}.layout {complaint}" in str(refused.value)


async def test_a_layout_that_a_shell_has_touched_is_the_same(
    opened: Open, homes_shell: Database[Any]
) -> None:
    """It writes doubles; a newer version may have added a field."""
    async with opened() as store:
        await store.note_stream("a", "created")
        changed = {"partitions": 64.0, "schema": 1.0, "more": 1, "streams.b": 5}
        homes_shell["layout"].update_one({}, {"$set": changed})
        await store.open()
        assert await store.streams_made() == {"a": "created"}


async def test_a_layout_that_is_removed_is_made_again_by_the_next_note(
    opened: Open, homes_shell: Database[Any]
) -> None:
    """A stream that is forgotten is not purged, and nothing else is lost."""
    async with opened() as store:
        await store.note_stream("a", "created")
        homes_shell["layout"].delete_many({})
        assert await store.streams_made() == {}
        await store.note_stream("b", "created")
        await store.open()
        assert await store.streams_made() == {"b": "created"}


MINE = {"home": "me", "epoch": 4, "position": STORED}


@pytest.mark.parametrize(
    ("damage", "mended"),
    [
        (None, Partition(5, None, NOW_S, BEGIN)),
        ({}, Partition(5, None, NOW_S, BEGIN)),
        ({**MINE, "epoch": "4"}, Partition(5, None, NOW_S, PLACE)),
        ({**MINE, "epoch": 4.5}, Partition(5, None, NOW_S, PLACE)),
        ({**MINE, "epoch": True}, Partition(5, None, NOW_S, PLACE)),
        ({**MINE, "epoch": -1}, Partition(5, None, NOW_S, PLACE)),
        ({**MINE, "epoch": Int64(2**63 - 1)}, Partition(5, None, NOW_S, PLACE)),
        ({**MINE, "epoch": float("nan")}, Partition(5, None, NOW_S, PLACE)),
        ({**MINE, "home": 5}, Partition(5, None, 5, PLACE)),
        ({**MINE, "home": ""}, Partition(5, None, 5, PLACE)),
        ({**MINE, "home": {"$x": 1}}, Partition(5, None, 5, PLACE)),
        ({"home": "me", "epoch": 4}, Partition(5, None, 5, BEGIN)),
        ({**MINE, "position": 7}, Partition(5, None, 5, BEGIN)),
        ({**MINE, "position": {**STORED, "sequence": 7.5}}, Partition(5, None, 5, BEGIN)),
        ({**MINE, "position": {**STORED, "sequence": -7}}, Partition(5, None, 5, BEGIN)),
        ({**MINE, "position": {**STORED, "timestamp": 1.6e18}}, Partition(5, None, 5, BEGIN)),
        ({**MINE, "position": {**STORED, "log": 5}}, Partition(5, None, 5, BEGIN)),
        ({**MINE, "position": {"sequence": 7}}, Partition(5, None, 5, BEGIN)),
    ],
)
@pytest.mark.parametrize("running", [True, False])
async def test_a_partition_that_is_missing_or_damaged_is_mended(
    opened: Open,
    homes_shell: Database[Any],
    caplog: pytest.LogCaptureFixture,
    damage: dict[str, Any] | None,
    mended: Partition,
    *,
    running: bool,
) -> None:
    """Nobody's, at an epoch that was not, to be read from where it is known to be settled."""
    async with opened() as store:
        homes_shell["partitions"].delete_one({"_id": 5})
        if damage is not None:
            homes_shell["partitions"].insert_one({"_id": 5, **damage})
        if not running:
            await store.open()
        assert (await store.look()).partitions[5] == mended
        # At the old epoch nothing lands any more, and the partition can be had.
        assert await store.save_positions(ME, [HomePosition(5, 4, PLACE)]) == 0
        await store.claim(ME, [mended])
        after = (await store.look()).partitions
        assert after[5] == mended._replace(home=ME, epoch=mended.epoch + 1)
        assert {one.epoch for one in after if one.number != 5} == {0}
    assert logged(caplog.records, "store.homes") == [("ERROR", "store.partitions_mended")]
    assert [getattr(record, "partitions", None) for record in caplog.records] == [[5]]


async def test_what_a_newer_layout_holds_is_not_mended(
    opened: Open, homes_shell: Database[Any]
) -> None:
    """To an older version that still runs it may look like damage."""
    newer = {"_id": 5, "home": ["me"], "epoch": 4, "position": "7@created"}
    async with opened() as store:
        homes_shell["layout"].update_one({}, {"$set": {"schema": 2}})
        homes_shell["partitions"].replace_one({"_id": 5}, newer)
        with pytest.raises(StoreUnavailableError, match="has schema 2, this version reads up to"):
            await store.look()
        assert homes_shell["partitions"].find_one({"_id": 5}) == newer
        homes_shell["layout"].delete_many({})
        assert (await store.look()).partitions[5] == Partition(5, None, 5, BEGIN)


@pytest.mark.parametrize(
    ("stored", "read"),
    [
        (
            {"home": "me", "epoch": 4.0, "position": {**STORED, "sequence": 7.0}},
            Partition(5, ME, 4, PLACE),
        ),
        ({"epoch": 4, "position": STORED}, Partition(5, None, 4, PLACE)),
        (
            {**MINE, "position": {"sequence": 7, "timestamp": 9, "more": 1}, "more": 2},
            Partition(5, ME, 4, Place(7, 9)),
        ),
    ],
)
async def test_a_partition_that_a_shell_or_another_version_wrote_works(
    opened: Open, homes_shell: Database[Any], stored: dict[str, Any], read: Partition
) -> None:
    """Whole numbers as doubles, a home left out, fields more; those stay."""
    async with opened() as store:
        homes_shell["partitions"].replace_one({"_id": 5}, stored)
        assert (await store.look()).partitions[5] == read
        await store.claim(ME, [read])
        position = [HomePosition(5, read.epoch + 1, Place(8, 10, "created"))]
        assert await store.save_positions(ME, position) == 1
        after = (await store.look()).partitions[5]
        assert after == Partition(5, ME, read.epoch + 1, Place(8, 10, "created"))
    found = homes_shell["partitions"].find_one({"_id": 5})
    assert found is not None
    assert found.get("more") == stored.get("more")


async def test_strangers_among_the_documents_are_ignored(
    opened: Open, homes_shell: Database[Any], caplog: pytest.LogCaptureFixture
) -> None:
    """Partitions that there are not, instances that are none, what the driver cannot decode."""
    beyond = encode({"_id": "year", "beat": 1, "seen": Int64(2**62)})
    beyond = beyond.replace(b"\x12seen", b"\x09seen")  # a date beyond the year 9999
    broken = encode({"_id": "text", "beat": 1, "name": "abc"}).replace(b"abc", b"\xff\xfe\xfd")
    async with opened() as store:
        homes_shell["partitions"].insert_many([{"_id": one} for one in (64, "5", -1, 0.5)])
        homes_shell["instances"].insert_many([{"_id": 5, "beat": 1}, {"_id": "x"}, {"_id": ""}])
        homes_shell["instances"].insert_one({"_id": "y", "beat": "1"})
        homes_shell["instances"].insert_many([RawBSONDocument(one) for one in (beyond, broken)])
        view = await store.look()
        assert [one.number for one in view.partitions] == list(range(64))
        assert {one.instance_id for one in view.instances} == {"year", "text"}
        await store.open()
    assert logged(caplog.records, "store.homes") == []


@pytest.mark.parametrize("beat", ["5", None, 5.5, float("nan"), {"a": 1}, -1, 10**9, 1e300])
async def test_an_instance_that_lives_mends_its_document_with_its_next_beat(
    opened: Open, homes_shell: Database[Any], beat: object
) -> None:
    """Until then it is absent, or seems to have beaten."""
    async with opened() as store:
        await store.beat(INSTANCE)
        homes_shell["instances"].update_one({"_id": "me"}, {"$set": {"beat": beat}})
        assert (await store.look()).instances in ((), (INSTANCE._replace(beat=10**9),))
        await store.beat(INSTANCE._replace(beat=6))
        assert (await store.look()).instances == (INSTANCE._replace(beat=6),)


async def test_a_statement_that_the_server_refuses_does_not_hold_up_the_others(
    opened: Open, homes_shell: Database[Any]
) -> None:
    """Here for a validator of other hands; it is worth a retry, for who knows when that goes."""
    async with opened() as store:
        view = await store.look()
        await store.claim(ME, view.partitions)
        homes_shell.command("collMod", "partitions", validator={"position.sequence": 0})
        try:
            with pytest.raises(StoreUnavailableError, match="code 121"):
                await store.save_positions(
                    ME, [HomePosition(0, 1, PLACE), HomePosition(1, 1, BEGIN._replace(log="new"))]
                )
            after = (await store.look()).partitions
            assert [one.position for one in after[:2]] == [BEGIN, Place(0, 0, "new")]
        finally:
            homes_shell.command("collMod", "partitions", validator={})


async def test_a_server_that_is_away_is_worth_a_retry() -> None:
    """Every call says so by the error's type, in one line and without the password."""
    uri = "mongodb://alice:hunter2@127.0.0.1:1/?serverSelectionTimeoutMS=50"
    store = MongoHomeStore(StoreSettings(uri), 0.3)
    mine = [HomePosition(1, 1, PLACE)]
    wanted = [Partition(1, None, 0, BEGIN)]
    calls: list[Callable[[], Any]] = [
        store.open,
        lambda: store.beat(INSTANCE),
        store.look,
        lambda: store.claim(ME, wanted),
        lambda: store.save_positions(ME, mine),
        lambda: store.lower(ME, mine),
        lambda: store.free(ME, mine),
        lambda: store.rewind(wanted, PLACE),
        lambda: store.forget([ME]),
        lambda: store.note_stream("a", "created"),
        store.streams_made,
    ]
    try:
        for call in calls:
            with pytest.raises(StoreUnavailableError) as unavailable:
                await call()
            assert "\n" not in str(unavailable.value)
            assert "hunter2" not in str(unavailable.value)
            assert "Topology" not in str(unavailable.value)
    finally:
        await store.close()


async def test_what_a_newer_version_has_added_stays_whatever_is_done(
    opened: Open, homes_shell: Database[Any]
) -> None:
    """To a partition, to its position, to the layout; fields that came later may lack."""
    async with opened() as store:
        added = {"$set": {"added": 1, "position.added": 2}, "$unset": {"schema": ""}}
        homes_shell["partitions"].update_many({}, added)
        homes_shell["layout"].update_one({}, {"$set": {"added": 3, "streams.other": {"by": 4}}})
        homes_shell["instances"].insert_one({"_id": "other", "beat": 3, "added": 5})
        view = await store.look()
        assert [(one.instance_id, one.beat) for one in view.instances] == [("other", 3)]
        await store.claim(ME, view.partitions)
        await store.save_positions(ME, [HomePosition(0, 1, PLACE)])
        await store.lower(ME, [HomePosition(1, 1, PLACE)])
        await store.free(ME, [HomePosition(2, 1, PLACE)])
        await store.rewind((await store.look()).partitions[3:4], PLACE)
        homes_shell["partitions"].update_one({"_id": 4}, {"$unset": {"home": "", "epoch": ""}})
        homes_shell["partitions"].update_one({"_id": 4}, {"$set": {"home": 7}})
        await store.look()
        await store.note_stream("mine", "created")
        assert await store.streams_made() == {"mine": "created"}
    kept = list(homes_shell["partitions"].find().sort("_id"))
    assert [(one["added"], one["position"].pop("added")) for one in kept] == [(1, 2)] * 64
    assert [one["position"] for one in kept[:4]] == [STORED] * 4
    assert homes_shell["layout"].find_one({}, {"_id": 0, "added": 1, "streams": 1}) == {
        "added": 3,
        "streams": {"other": {"by": 4}, "mine": "created"},
    }
