"""Every implementation of a port, for the suites that hold them to its contract."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from pymongo import MongoClient

from store.settings import StoreSettings
from store.users.blocking import StandaloneStore
from store.users.memory import InMemoryCheckpointStore
from store.users.mongo import COLLECTION

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pymongo.collection import Collection

    from store.users.memory import SyncStore

DATABASE = "contract"


class MongoSide(NamedTuple):
    """Two processes' stores on one database, and the collection as a shell sees it."""

    store: StandaloneStore
    rival: StandaloneStore
    users: Collection[Any]


@pytest.fixture(scope="session")
def mongo_session(mongodb_uri: str) -> Iterator[MongoSide]:
    """Connect once: a client's threads take half a second to end.

    Without streaming a client starts all its threads at its first call, and not during a test,
    which would be blamed for them.
    """
    uri = f"{mongodb_uri}/?serverMonitoringMode=poll"
    settings = StoreSettings(uri=uri, database=DATABASE)
    client: MongoClient[Any] = MongoClient(uri)
    side = MongoSide(
        StandaloneStore(settings),
        StandaloneStore(settings),
        client[DATABASE][COLLECTION],
    )
    for store in (side.store, side.rival):
        store.open()
    yield side
    side.store.close()
    side.rival.close()
    client.drop_database(DATABASE)
    client.close()


@pytest.fixture
def mongo(mongo_session: MongoSide) -> MongoSide:
    """A real server's side, empty."""
    mongo_session.users.delete_many({})
    return mongo_session


@pytest.fixture(params=["memory", "mongo"])
def stores(request: pytest.FixtureRequest, mongo: MongoSide) -> tuple[SyncStore, SyncStore]:
    """Each kind of store, empty, as two processes see it."""
    if request.param == "mongo":
        return mongo.store, mongo.rival
    twin = InMemoryCheckpointStore()
    return twin, twin


@pytest.fixture
def store(
    stores: tuple[SyncStore, SyncStore],
) -> SyncStore:
    """Each kind of store, empty."""
    return stores[0]


@pytest.fixture
def rival(
    stores: tuple[SyncStore, SyncStore],
) -> SyncStore:
    """Another process's store on the same data."""
    return stores[1]
