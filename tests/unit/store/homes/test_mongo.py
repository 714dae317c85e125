"""MongoHomeStore before it connects, and answers that a server seldom gives."""

from __future__ import annotations

import asyncio

import pytest

from actors.errors import SettingsError, StoreUnavailableError
from actors.rules.partitions import HomePosition, InstanceID
from actors.rules.positions import Place
from store.homes.mongo import MongoHomeStore
from store.settings import StoreSettings

ME = InstanceID("me")
POSITIONS = [HomePosition(1, 1, Place(1, 1)), HomePosition(2, 1, Place(1, 1))]


def test_a_uri_that_cannot_be_used_is_refused_without_its_password() -> None:
    """Like the other store's."""
    with pytest.raises(SettingsError, match=r"^MONGODB_URI: [^\n]+$") as refusal:
        MongoHomeStore(StoreSettings(uri="mongodb://alice:hunter2@db.example:port"), 1.0)
    assert "hunter2" not in str(refusal.value)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (
            {"n": 2, "writeConcernError": {"code": 64, "errmsg": "timed out"}},
            "not durable: timed out",
        ),
        (
            {"n": 1, "writeErrors": [{"index": 1, "code": 11602, "errmsg": "stepped down"}]},
            "code 11602: stepped down",
        ),
    ],
)
async def test_an_answer_that_proves_nothing_is_worth_a_retry(
    monkeypatch: pytest.MonkeyPatch, answer: dict[str, object], reason: str
) -> None:
    """What was written may or may not have taken effect."""
    store = MongoHomeStore(StoreSettings(uri="mongodb://db.invalid"), 1.0)

    async def command(*_: object, **__: object) -> dict[str, object]:
        return answer

    monkeypatch.setattr(type(store._database), "command", command)
    try:
        for call in (store.save_positions, store.lower, store.free):
            with pytest.raises(StoreUnavailableError, match=reason):
                await call(ME, POSITIONS)
    finally:
        await store.close()


async def test_a_call_ends_in_time_whatever_the_driver_waits_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A name server that hangs is not bounded by the driver's own deadline."""
    store = MongoHomeStore(StoreSettings(uri="mongodb://db.invalid"), 0.05)

    async def command(*_: object, **__: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(type(store._database), "command", command)
    try:
        async with asyncio.timeout(20):
            with pytest.raises(StoreUnavailableError, match=r"no answer within 0\.05 s"):
                await store.save_positions(ME, POSITIONS)
    finally:
        await store.close()


async def test_a_call_about_nothing_asks_nobody() -> None:
    """MongoDB refuses an update without statements."""
    store = MongoHomeStore(StoreSettings(uri="mongodb://db.invalid"), 1.0)
    try:
        await store.claim(ME, [])
        await store.lower(ME, [])
        await store.free(ME, [])
        assert await store.save_positions(ME, []) == 0
        assert await store.rewind([], Place(1, 1)) == 0
    finally:
        await store.close()
