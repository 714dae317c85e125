"""The stage: a NATS and a MongoDB server, and services as processes that are measured."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import tempfile
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp
from pymongo import MongoClient
from pymongo.write_concern import WriteConcern

from bench.usage import SERVICE, Stopwatch
from store.settings import StoreSettings
from tests.broker import Names, connected
from tests.ports import claim_port
from tests.servers import Server, prepare_mongodb, prepare_nats
from tests.service import ServiceProcess

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from contextlib import AbstractAsyncContextManager

    from pymongo.collection import Collection

    from tests.broker import Broker

_SETTLED = re.compile(rb"^\w*messages_settled_total (\S+)", re.MULTILINE)
_IN_FLIGHT = re.compile(rb"^\w*messages_in_flight (\S+)", re.MULTILINE)
_LONGEST_TURN = re.compile(rb"^\w*turn_longest_seconds (\S+)", re.MULTILINE)
_LOOK_MIN_S = 0.01
_LOOK_MAX_S = 0.5
_GIVE_UP_S = 900.0


class Service:
    """The service as a process that is measured from outside."""

    def __init__(self, process: ServiceProcess, address: str) -> None:
        """Know its process, and the address of its metrics."""
        self.process = process
        self.address = address

    @property
    def pid(self) -> int:
        """Its process id."""
        return self.process.pid

    async def settled(self, session: aiohttp.ClientSession) -> int:
        """Return how many messages it has settled, by its metrics."""
        return _count(_SETTLED, await self._metrics(session))

    async def taken(self, session: aiohttp.ClientSession) -> int:
        """Return how many messages it has taken, be they saved or not, by its metrics."""
        said = await self._metrics(session)
        return _count(_SETTLED, said) + _count(_IN_FLIGHT, said)

    async def longest_turn_s(self, session: aiohttp.ClientSession) -> float:
        """Return the CPU of the longest turn of its loop in the last half minute."""
        found = _LONGEST_TURN.search(await self._metrics(session))
        assert found is not None, "no such metric"
        return float(found[1])

    async def _metrics(self, session: aiohttp.ClientSession) -> bytes:
        async with session.get(f"http://{self.address}/metrics") as answer:
            return await answer.read()


def _count(metric: re.Pattern[bytes], said: bytes) -> int:
    found = metric.search(said)
    assert found is not None, "no such metric"
    return int(float(found[1]))


async def settled(services: Sequence[Service], count: int) -> None:
    """Return once these have settled ``count`` messages together, since they were started.

    A look costs the service a millisecond or two. The next is taken when half of what is left
    should be done, so that a run has a dozen looks, however long it takes.
    """
    began_s = time.perf_counter()
    async with aiohttp.ClientSession() as session:
        first = done = await _sum(session, services)
        while done < count:
            spent_s = time.perf_counter() - began_s
            assert spent_s < _GIVE_UP_S, f"{done} of {count} are settled after {spent_s:.0f} s"
            left_s = spent_s * (count - done) / max(1, done - first)
            await asyncio.sleep(min(max(left_s / 2, _LOOK_MIN_S), _LOOK_MAX_S))
            done = await _sum(session, services)


async def _sum(session: aiohttp.ClientSession, services: Sequence[Service]) -> int:
    return sum([await service.settled(session) for service in services])


class Stage:
    """Servers of the benchmark's own; each scenario has names of its own on them."""

    def __init__(self, folder: Path, nats: Server, mongodb: Server) -> None:
        """Use these servers; logs go into ``folder``."""
        self._folder = folder
        self._nats = nats
        self._mongodb = mongodb
        self._client: MongoClient[dict[str, Any]] = MongoClient(mongodb.url)
        self._services = 0

    def broker(self, names: Names) -> AbstractAsyncContextManager[Broker]:
        """Connect to NATS."""
        return connected(self._nats.url, names, self._mongodb.url)

    def store_settings(self, names: Names) -> StoreSettings:
        """Return where the service of these names keeps its checkpoints."""
        return StoreSettings(self._mongodb.url, names.database)

    def collection(self, names: Names, name: str) -> Collection[dict[str, Any]]:
        """Return a collection with the durability that the service asks for."""
        return self._client[names.database].get_collection(
            name, write_concern=WriteConcern(w="majority", j=True)
        )

    def forget(self, names: Names) -> None:
        """Drop a scenario's database, so that it costs the next ones nothing."""
        self._client.drop_database(names.database)

    def watch(self, *services: Service) -> Stopwatch:
        """Start a stopwatch over these, or over a baseline in this process, and the servers."""
        roles = {"nats": [self._nats.child.pid], "mongodb": [self._mongodb.child.pid]}
        mine = [os.getpid()]
        if services:
            measured = [service.pid for service in services]
            return Stopwatch({SERVICE: measured, **roles, "producer": mine})
        return Stopwatch({SERVICE: mine, **roles})

    @contextmanager
    def service(self, names: Names, **settings: object) -> Iterator[Service]:
        """Run the service, with its default settings but these, for the time of a ``with``."""
        self._services += 1
        address = f"127.0.0.1:{claim_port()}"
        known = names.settings(self._nats.url, self._mongodb.url)
        del known["CHECKPOINT_INTERVAL"]
        process = ServiceProcess(
            self._folder / f"service-{self._services}.log",
            {**known, "HTTP_ADDRESS": address, **settings},
        )
        try:
            process.wait_for("service.ready")
            yield Service(process, address)
        finally:
            process.kill()

    @contextmanager
    def services(self, count: int, names: Names, **settings: object) -> Iterator[list[Service]]:
        """Run several, started one after the other."""
        with ExitStack() as stack:
            yield [stack.enter_context(self.service(names, **settings)) for _ in range(count)]


@contextmanager
def stage() -> Iterator[Stage]:
    """Start the servers for the time of a ``with`` block."""
    folder = Path(tempfile.mkdtemp(prefix="alarm-digest-bench-"))
    nats, mongodb = prepare_nats(folder / "nats"), prepare_mongodb(folder / "mongodb")
    try:
        nats.child.start()
        mongodb.child.start()
        yield Stage(folder, nats, mongodb)
    finally:
        nats.child.stop()
        mongodb.child.stop()
        shutil.rmtree(folder, ignore_errors=True)
