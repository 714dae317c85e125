"""MongoCheckpointStore before it connects; the rest is in the contract suite."""

from __future__ import annotations

import asyncio
import threading

import pytest
from pymongo.errors import ServerSelectionTimeoutError

from actors.errors import SettingsError, StoreUnavailableError
from actors.ports import CheckpointUpdate
from actors.rules.alarms import UserID
from store.client import describe
from store.settings import StoreSettings
from store.users.fence import Fence
from store.users.mongo import MongoCheckpointStore

SECRET = "hunter2"


@pytest.mark.parametrize(
    "rest",
    [
        "db.example:99999",
        "db.example:port",
        "",
        "db@db.example",
        "db.example/?tls=true&tlsCAFile=/nowhere/ca.pem",
        "db.example/?tls=true&tlsCAFile=/dev/null",
        "db.example/?w=majority&directConnection=true&loadBalanced=true",
    ],
)
def test_a_uri_that_cannot_be_used_is_refused_without_its_password(rest: str) -> None:
    """Bad ports, bad escapes, missing files: one line that names the setting."""
    uri = f"mongodb://alice:{SECRET}@{rest}"
    with pytest.raises(SettingsError, match=r"^MONGODB_URI: [^\n]+$") as refusal:
        MongoCheckpointStore(StoreSettings(uri=uri))
    assert SECRET not in str(refusal.value)
    assert refusal.value.__cause__ is None
    assert refusal.value.__suppress_context__


def test_a_store_connects_only_when_used() -> None:
    """Preparing it opens no connection and starts no monitor of a server."""

    async def prepare() -> set[str]:
        store = MongoCheckpointStore(StoreSettings(uri="mongodb://db.invalid"))
        await asyncio.sleep(0)
        tasks = {task.get_name() for task in asyncio.all_tasks() - {asyncio.current_task()}}
        await store.close()
        return tasks

    before = set(threading.enumerate())
    assert asyncio.run(prepare()) == set()
    assert set(threading.enumerate()) == before


def test_an_option_in_the_uri_goes_before_the_default() -> None:
    """In whatever case it is written, as the driver reads it."""
    uri = "mongodb://db.invalid/?sockettimeoutms=7000"
    store = MongoCheckpointStore(StoreSettings(uri=uri))
    options = store._client.options.pool_options
    asyncio.run(store.close())
    assert options.socket_timeout == 7.0
    assert options.connect_timeout == 5.0


_FENCED = {"index": 0, "code": 121, "errmsg": "Document failed validation"}


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (
            {"writeErrors": [_FENCED], "writeConcernError": {"code": 64, "errmsg": "timed out"}},
            "not durable: timed out",
        ),
        ({"writeErrors": [{**_FENCED, "code": 11602, "errmsg": "stepped down"}]}, "code 11602"),
        (
            {"writeErrors": [_FENCED, {"index": 1, "code": 112, "errmsg": "conflict"}]},
            "code 112: conflict",
        ),
    ],
)
def test_an_answer_that_proves_nothing_is_worth_a_retry(
    monkeypatch: pytest.MonkeyPatch, answer: dict[str, object], reason: str
) -> None:
    """Not a save, though the statement of the user itself did not fail."""
    store = MongoCheckpointStore(StoreSettings(uri="mongodb://db.invalid"))

    async def command(*_: object, **__: object) -> dict[str, object]:
        return answer

    async def see_to(_: Fence) -> None:
        """Find it standing."""

    monkeypatch.setattr(type(store._users.database), "command", command)
    monkeypatch.setattr(Fence, "see_to", see_to)

    async def save() -> None:
        try:
            await store.save([CheckpointUpdate(UserID("u"), 0, {}, None)])
        finally:
            await store.close()

    with pytest.raises(StoreUnavailableError, match=reason):
        asyncio.run(save())


@pytest.mark.parametrize(
    "text", ["h:1: connection closed", "h:1: connection is already closed", "h:1: UNEXPECTED_EOF"]
)
def test_a_server_that_hangs_up_gets_a_hint_however_the_driver_words_it(text: str) -> None:
    """It depends on when the driver notices."""
    described = describe(ServerSelectionTimeoutError(f"{text}, Timeout: 5s, Topology: …"))
    assert described.startswith(f"ServerSelectionTimeoutError: {text}; does one side only")
    assert "Topology" not in described
