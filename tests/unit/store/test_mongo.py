"""MongoCheckpointStore before it connects; the rest is in the contract suite."""

from __future__ import annotations

import asyncio
import threading

import pytest

from actors.errors import SettingsError
from store.mongo import MongoCheckpointStore
from store.settings import StoreSettings

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
