"""The stage: a NATS and a MongoDB server, and the service as a process that is measured."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pymongo import MongoClient
from pymongo.write_concern import WriteConcern

from store.settings import StoreSettings
from tests.broker import Names, connected
from tests.servers import Server, prepare_mongodb, prepare_nats
from tests.service import ServiceProcess

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractAsyncContextManager

    from pymongo.collection import Collection

    from tests.broker import Broker

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


def cpu_s(pid: int) -> float:
    """Return the CPU time that a process has used, user and system, in seconds."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS_PER_S


def rss_bytes(pid: int) -> int:
    """Return the memory that a process has resident."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


class Stopwatch:
    """Wall time, and a process's CPU time, since it was made."""

    def __init__(self, pid: int) -> None:
        """Start."""
        self._pid = pid
        self._began_s = time.perf_counter()
        self._cpu_began_s = cpu_s(pid)

    def wall_s(self) -> float:
        """Seconds since the start."""
        return time.perf_counter() - self._began_s

    def cpu_us_per(self, count: int) -> float:
        """Microseconds of the process's CPU time, for each of ``count``."""
        return (cpu_s(self._pid) - self._cpu_began_s) / count * 1e6


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

    @contextmanager
    def service(self, names: Names, **settings: object) -> Iterator[ServiceProcess]:
        """Run the service, with its default settings but these, for the time of a ``with``."""
        self._services += 1
        known = names.settings(self._nats.url, self._mongodb.url)
        process = ServiceProcess(
            self._folder / f"service-{self._services}.log",
            {**known, **settings},
        )
        try:
            process.wait_for("service.ready")
            yield process
        finally:
            process.kill()


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
