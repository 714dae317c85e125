"""Clusters: three NATS servers with JetStream, three MongoDB servers in a set.

On loopback, or where that can be had each in a network namespace, so that any two can be cut apart.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import signal
import threading
import time
from contextlib import ExitStack, asynccontextmanager, contextmanager, suppress
from typing import TYPE_CHECKING, Any

import nats
from nats.errors import Error as NatsError
from pymongo import MongoClient
from pymongo.errors import AutoReconnect, OperationFailure, PyMongoError

from ops.process.embedded import find_mongod, find_nats_server, mongodb_server, nats_server
from tests.network import ABLE, End, Network
from tests.patience import PATIENCE_S
from tests.ports import claim_port

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Sequence
    from pathlib import Path

    from nats.aio.client import Client

    from ops.process.child import ChildProcess

MEMBERS = 3
SET = "alarms"
ELECTION_S = 2.0
_POLL_S = 0.05
_NOBODY_CAUGHT_UP = 262
"""ExceededTimeLimit, as MongoDB calls it."""
_ASKED_WITHIN_S = 1.0
_CACHE_GB = 0.25
_LOOPBACK = End("127.0.0.1", "lo", None)


class NatsCluster:
    """Three NATS servers, each with a store of its own. Its methods block, on the main thread."""

    def __init__(self, folder: Path, ends: Sequence[End]) -> None:
        """Prepare them, one at each end; none is started."""
        self.ends = ends
        ports = [claim_port() for _ in ends]
        routes = [
            f"{end.address}:{port}"
            for end, port in zip(ends, [claim_port() for _ in ends], strict=True)
        ]
        self.urls = [f"nats://{end.address}:{port}" for end, port in zip(ends, ports, strict=True)]
        self.url = ",".join(self.urls)
        self._stores = [folder / f"nats-{number}" for number in range(MEMBERS)]
        self.members: list[ChildProcess] = []
        among = ", ".join(f'"nats-route://{route}"' for route in routes)
        for number, (store, end) in enumerate(zip(self._stores, ends, strict=True)):
            store.mkdir(parents=True)
            file = folder / f"nats-{number}.conf"
            file.write_text(
                f"server_name: n{number}\n"
                f'cluster {{ name: alarms, listen: "{routes[number]}", routes: [{among}] }}\n'
            )
            self.members.append(
                nats_server(
                    find_nats_server(),
                    store,
                    ports[number],
                    file,
                    address=end.address,
                    runner=end.runs(),
                )
            )

    def start(self) -> None:
        """Start all, and wait until they have a leader among them."""
        for member in self.members:
            member.start()
        self._ask("$JS.API.INFO")

    def others(self, number: int) -> list[End]:
        """Return where all members but one are."""
        return [end for other, end in enumerate(self.ends) if other != number]

    def kill(self) -> None:
        """End all at once; harmless when they have ended, or stand still."""
        for member in self.members:
            member.kill()

    def leader(self, stream: str) -> int:
        """Return the number of the member that leads a stream, once one does."""
        return int(self._cluster(stream)["leader"].removeprefix("n"))

    def whole(self, stream: str) -> None:
        """Return once a stream has a leader and every member has all of it."""
        give_up_at_s = time.monotonic() + PATIENCE_S
        while True:
            peers = self._cluster(stream).get("replicas", [])
            if len(peers) == MEMBERS - 1 and all(peer["current"] for peer in peers):
                return
            assert time.monotonic() < give_up_at_s, peers
            time.sleep(_POLL_S)  # another program's state can only be polled

    def step_down(self, stream: str) -> None:
        """Have a stream's leader give up, and another be elected."""
        self._ask(f"$JS.API.STREAM.LEADER.STEPDOWN.{stream}")

    def remove_store(self, number: int) -> None:
        """Lose all that a member that is down has kept."""
        shutil.rmtree(self._stores[number] / "jetstream")

    def _cluster(self, stream: str) -> dict[str, Any]:
        """Return how a stream's replicas stand, once it has a leader."""
        give_up_at_s = time.monotonic() + PATIENCE_S
        while True:
            found: dict[str, Any] = self._ask(f"$JS.API.STREAM.INFO.{stream}")["cluster"]
            if found.get("leader"):
                return found
            assert time.monotonic() < give_up_at_s, f"{stream} has no leader"
            time.sleep(_POLL_S)

    def _ask(self, subject: str) -> dict[str, Any]:
        return asyncio.run(_asked(self.urls, subject))


async def _asked(urls: list[str], subject: str) -> dict[str, Any]:
    """Return JetStream's answer, from whichever member has it first."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            for url in urls:
                with suppress(NatsError, OSError, TimeoutError):
                    async with member_client(url) as client:
                        found = await client.request(subject, b"", timeout=_ASKED_WITHIN_S)
                        answer: dict[str, Any] = json.loads(found.data or b"{}")
                        if answer and "error" not in answer:
                            return answer
            await asyncio.sleep(_POLL_S)


@asynccontextmanager
async def member_client(url: str) -> AsyncIterator[Client]:
    """Connect to one member alone, for the time of a ``with`` block; raises when it is away."""
    client = await nats.connect(
        url, allow_reconnect=False, connect_timeout=1, error_cb=_pass_over, dont_randomize=True
    )
    try:
        yield client
    finally:
        await client.close()


async def _pass_over(_: Exception) -> None:
    """What fails is seen by who asks."""


class ReplicaSet:
    """Three MongoDB servers in a replica set. Its methods block, on the main thread."""

    def __init__(self, folder: Path, ends: Sequence[End]) -> None:
        """Prepare them, one at each end; none is started."""
        self.ends = ends
        self.hosts = [f"{end.address}:{claim_port()}" for end in ends]
        self.url = f"mongodb://{','.join(self.hosts)}"
        self._stores = [folder / f"mongodb-{number}" for number in range(MEMBERS)]
        self.members = [
            mongodb_server(
                find_mongod(),
                self._stores[number],
                int(host.partition(":")[2]),
                f"--replSet={SET}",
                "--oplogSize=64",
                cache_gb=_CACHE_GB,
                address=end.address,
                runner=end.runs(),
            )
            for number, (host, end) in enumerate(zip(self.hosts, ends, strict=True))
        ]

    def start(self) -> None:
        """Start all, make a set of them, and wait until one is primary."""
        for member in self.members:
            member.start()
        config = {
            "_id": SET,
            "members": [{"_id": number, "host": host} for number, host in enumerate(self.hosts)],
            "settings": {"electionTimeoutMillis": int(ELECTION_S * 1000)},
        }
        with self.member(0) as client:
            client.admin.command("replSetInitiate", config)
        self.whole()
        for number in range(MEMBERS):
            self._checkpointed(number)

    def others(self, number: int) -> list[End]:
        """Return where all members but one are."""
        return [end for other, end in enumerate(self.ends) if other != number]

    def kill(self) -> None:
        """End all at once; harmless when they have ended, or stand still."""
        for member in self.members:
            member.kill()

    def primary(self) -> int:
        """Return the number of the primary, once there is one that a majority has elected."""
        give_up_at_s = time.monotonic() + PATIENCE_S
        while True:
            states = self._states()
            if 1 in states:
                return states.index(1)
            assert time.monotonic() < give_up_at_s, states
            time.sleep(_POLL_S)

    def whole(self) -> None:
        """Return once there is a primary, and all others are secondaries."""
        give_up_at_s = time.monotonic() + PATIENCE_S
        while sorted(states := self._states()) != [1, 2, 2]:
            assert time.monotonic() < give_up_at_s, states
            time.sleep(_POLL_S)

    def step_down(self) -> None:
        """Have the primary give up, and another be elected: one that has caught up by then."""
        give_up_at_s = time.monotonic() + PATIENCE_S
        while True:
            try:
                with self.member(self.primary()) as client, suppress(AutoReconnect):
                    client.admin.command("replSetStepDown", 10, secondaryCatchUpPeriodSecs=5)
            except OperationFailure as error:
                if error.code != _NOBODY_CAUGHT_UP or time.monotonic() > give_up_at_s:
                    raise
            else:
                return

    def rolled_back(self, number: int) -> None:
        """Return once a member has put aside writes of its own that the others never had."""
        give_up_at_s = time.monotonic() + PATIENCE_S
        while not (self._stores[number] / "rollback").exists():
            assert time.monotonic() < give_up_at_s, "nothing was rolled back"
            time.sleep(_POLL_S)

    @contextmanager
    def locked(self, *numbers: int) -> Iterator[None]:
        """Have secondaries write nothing down: a majority of the set is late."""
        for number in numbers:
            with self.member(number) as client:
                client.admin.command("fsync", 1, lock=True)
        try:
            yield
        finally:
            for number in numbers:
                with self.member(number) as client:
                    client.admin.command("fsyncUnlock", 1)

    @contextmanager
    def member(self, number: int) -> Iterator[MongoClient[dict[str, Any]]]:
        """Connect to one member alone, for the time of a ``with`` block."""
        client: MongoClient[dict[str, Any]] = MongoClient(
            f"mongodb://{self.hosts[number]}",
            directConnection=True,
            serverMonitoringMode="poll",
            serverSelectionTimeoutMS=2000,
            socketTimeoutMS=20_000,
        )
        try:
            yield client
        finally:
            client.close()

    def _checkpointed(self, number: int) -> None:
        """Return once a member has a checkpoint: one that has to roll back before that aborts."""
        give_up_at_s = time.monotonic() + PATIENCE_S
        with self.member(number) as client:
            while True:
                try:
                    client.admin.command("fsync", 1)
                except OperationFailure:  # what is majority committed has not come so far
                    assert time.monotonic() < give_up_at_s, "no checkpoint"
                    time.sleep(_POLL_S)
                else:
                    return

    def _states(self) -> list[int]:
        """Return each member's state, as one that answers says: 1 primary, 2 secondary."""
        for number, member in enumerate(self.members):
            if not member.running:
                continue
            with suppress(PyMongoError), self.member(number) as client:
                try:
                    status = client.admin.command("replSetGetStatus")
                except OperationFailure:
                    continue  # it does not know of the set yet
                return [one["state"] for one in status["members"]]
        return []


@contextmanager
def standing_still(member: ChildProcess, for_s: float) -> Iterator[None]:
    """Have a member connected, and answering nothing, for so long; the block may end before."""
    member.signal(signal.SIGSTOP)
    thaw = threading.Timer(for_s, lambda: member.signal(signal.SIGCONT))
    thaw.start()
    try:
        yield
        thaw.join()
    finally:
        thaw.cancel()
        member.signal(signal.SIGCONT)
        thaw.join()


class Clusters:
    """One of each kind."""

    def __init__(self, folder: Path, network: Network | None) -> None:
        """Prepare them, with their files in ``folder``; without a network they are on loopback."""
        self.network = network
        ends = [_LOOPBACK] * MEMBERS * 2 if network is None else network.members
        self.nats = NatsCluster(folder, ends[:MEMBERS])
        self.mongodb = ReplicaSet(folder, ends[MEMBERS:])

    def pids(self) -> set[int]:
        """Return the ids of the processes that run now."""
        members = [*self.nats.members, *self.mongodb.members]
        return {member.pid for member in members if member.running}

    @classmethod
    @contextmanager
    def running(cls, folder: Path) -> Iterator[Clusters]:
        """Run them for the time of a ``with`` block."""
        with ExitStack() as stack:
            network = stack.enter_context(Network.made(2 * MEMBERS)) if ABLE else None
            clusters = cls(folder, network)
            stack.callback(clusters.nats.kill)
            stack.callback(clusters.mongodb.kill)
            clusters.nats.start()
            clusters.mongodb.start()
            yield clusters
