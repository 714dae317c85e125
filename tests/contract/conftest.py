"""Every implementation of a port, for the suites that hold them to its contract."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from pymongo import MongoClient

from store.homes.memory import InMemoryHomeStore
from store.homes.mongo import MongoHomeStore
from store.settings import StoreSettings
from store.users.blocking import StandaloneStore
from store.users.memory import InMemoryCheckpointStore
from store.users.mongo import COLLECTION

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from contextlib import AbstractAsyncContextManager

    from pymongo.collection import Collection
    from pymongo.database import Database

    from store.users.memory import SyncStore

    HomeStore = InMemoryHomeStore | MongoHomeStore
    HomeStores = Callable[[], AbstractAsyncContextManager[tuple[HomeStore, HomeStore]]]

DATABASE = "contract"
HOMES_DATABASE = "contract_homes"
HOMES_WITHIN_S = 20.0
"""No test of the contract is about time: the machine may be slow."""


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


@pytest.fixture(scope="session")
def homes_session(mongodb_uri: str) -> Iterator[Database[Any]]:
    """The database of homes as a shell sees it."""
    client: MongoClient[Any] = MongoClient(f"{mongodb_uri}/?serverMonitoringMode=poll")
    client.admin.command("ping")
    yield client[HOMES_DATABASE]
    client.drop_database(HOMES_DATABASE)
    client.close()


@pytest.fixture
def homes_shell(homes_session: Database[Any]) -> Database[Any]:
    """The database of homes, empty, as a shell sees it."""
    for name in ("layout", "partitions", "instances"):
        homes_session[name].delete_many({})
    return homes_session


@pytest.fixture(params=["memory", "mongo"])
def homes(
    request: pytest.FixtureRequest, mongodb_uri: str, homes_shell: Database[Any]
) -> HomeStores:
    """Make each kind of home store, open and empty, as two instances see it."""
    assert homes_shell.name == HOMES_DATABASE
    kind, settings = request.param, StoreSettings(mongodb_uri, HOMES_DATABASE)

    @asynccontextmanager
    async def make() -> AsyncIterator[tuple[HomeStore, HomeStore]]:
        made: list[HomeStore] = []
        if kind == "memory":
            made = [InMemoryHomeStore()] * 2
        else:
            made = [MongoHomeStore(settings, HOMES_WITHIN_S) for _ in range(2)]
        try:
            for store in made:
                await store.open()
            yield made[0], made[1]
        finally:
            for store in made:
                await store.close()

    return make
