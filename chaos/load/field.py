"""The field: load, reader and probes, on an event loop in a thread of its own.

So that the faults are plain blocking code on the main thread, where child processes are started.
"""

from __future__ import annotations

import asyncio
import json
import threading
import time
from contextlib import AsyncExitStack, suppress
from typing import TYPE_CHECKING, Any, TypeVar

import uvloop
from nats.errors import Error as NatsError
from nats.js.errors import NotFoundError
from pymongo.errors import PyMongoError

from chaos.load.bare import BareClient
from chaos.load.log import read_log
from chaos.load.messages import Messages
from chaos.load.producer import Producer
from chaos.load.reader import DigestReader, PlainSubscriber
from tests.broker import Broker, Names, connected
from tests.proxy import FaultProxy

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable
    from random import Random

    from actors.rules.alarms import UserID
    from chaos.load.log import Entry
    from tests.oracle import Oracle

_POLL_S = 0.05
_CANCELLED_WITHIN_S = 1.0
_ROAMS: dict[str, Any] = {"ping_interval": 1, "connect_timeout": 2, "dont_randomize": True}
"""Where there is another server to go to."""

_T = TypeVar("_T")


class Field:
    """What goes on around the service. Its methods are called on the main thread."""

    def __init__(
        self, nats_url: str, mongodb_uri: str, names: Names, oracle: Oracle, random: Random
    ) -> None:
        """Prepare; the oracle is the field's until ``close``."""
        self._names = names
        self._nats_url = nats_url
        self._mongodb_uri = mongodb_uri
        self.logs: list[list[Entry]] = []
        """What the input streams held, one after another, when ``keep_log`` read them."""
        self._oracle = oracle
        self._messages = Messages(names, oracle, random)
        self._load = self._messages.load()
        self._bare = BareClient(nats_url, mongodb_uri, names)
        self._loop = uvloop.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="field")
        self._opened = AsyncExitStack()
        self._tasks: list[asyncio.Task[None]] = []
        self._loading: asyncio.Task[None] | None = None
        self._broker: Broker
        self._count: Callable[[], int] = lambda: 0
        self._producer: Producer
        self.reader: DigestReader
        self.subscriber: PlainSubscriber

    @property
    def messages(self) -> int:
        """Messages published, each counted once; none before it was opened."""
        return self._count()

    def open(self) -> None:
        """Connect and begin to read digests."""
        self._thread.start()
        self._do(self._open(), 10)

    def close(self) -> None:
        """End everything; harmless when it was not opened."""
        if not self._thread.is_alive():
            return
        self._do(self._close(), 20)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    def proxy(self, target_port: int) -> tuple[FaultProxy, int]:
        """Open a proxy to a port; return it with its own port."""
        proxy = FaultProxy(target_port)
        port = self._do(proxy.open(), 5)
        self._opened.push_async_callback(proxy.close)
        return proxy, port

    def tell(self, action: Callable[[], None]) -> None:
        """Carry out something on the field's thread."""

        async def act() -> None:
            action()

        self._do(act(), 5)

    def begin_load(self, rate: float) -> None:
        """Publish so many messages a second from now on."""

        async def begin() -> None:
            self._loading = asyncio.create_task(self._producer.put_at(rate, self._load))

        self._do(begin(), 5)

    def end_load(self) -> None:
        """Publish no more."""

        async def end() -> None:
            if self._loading is not None:
                self._loading.cancel()
                await asyncio.gather(self._loading, return_exceptions=True)
                self._loading = None

        self._do(end(), 5)

    def check(self) -> None:
        """Raise what ended a task that should never end."""
        for task in [*self._tasks, *([] if self._loading is None else [self._loading])]:
            if task.done():
                task.result()

    def probe(self, timeout_s: float) -> float:
        """Raise a new user's alarm, ask for the digest; return the seconds until it was there."""
        return self._do(self._probe(), timeout_s)

    def servers_answer(self, timeout_s: float) -> float:
        """Return the seconds until the servers themselves answer a bare client."""
        return self._do(self._servers_answer(), timeout_s)

    def wait_for_digest(self, timeout_s: float) -> float:
        """Return the seconds until the next digest was there, whosever it is."""
        return self._do(self._wait_for_digest(), timeout_s)

    def settle(self, timeout_s: float) -> None:
        """Return when everything published is in the stream, and every position behind it."""
        self._do(self._settle(), timeout_s)

    def read_all(self, timeout_s: float) -> None:
        """Return when every digest in the stream is read."""
        self._do(self.reader.complete(), timeout_s)

    def ask_for_everyone(self, timeout_s: float) -> None:
        """Request the digest of everyone; return when all digests are read."""
        self._do(self._ask_for_everyone(), timeout_s)

    def keep_log(self) -> None:
        """Read the whole input stream, for the judge, before it goes or at the end."""
        self.logs.append(self._do(self._read_log(), 120))

    def put_large(self, count: int) -> None:
        """Publish events of new users in bodies of a mebibyte; return when all are stored."""
        self._do(self._put_large(count), 120)

    def touch(self, users: Iterable[UserID]) -> None:
        """Raise an alarm of each, and ask for the digest; return when all are told."""
        self._do(self._touch(list(users)), 600)

    def waits_s(self) -> list[float]:
        """Return how long each request that was answered waited, from when the stream had it."""
        stored_at_s = self._producer.stored_at_s
        first: dict[int, float] = {}
        for digest in self.reader.digests():
            if digest.request in stored_at_s:
                first.setdefault(digest.request, digest.read_at_s - stored_at_s[digest.request])
        return list(first.values())

    def held_up_s(self, answered_at_s: Iterable[float]) -> float:
        """Return how long the slowest of the requests that waited then waited from then on."""
        stored_at_s = self._producer.stored_at_s
        first: dict[int, float] = {}
        for digest in self.reader.digests():
            if digest.request in stored_at_s:
                first.setdefault(digest.request, digest.read_at_s)
        held_up = [
            read_at_s - at_s
            for at_s in answered_at_s
            for request, read_at_s in first.items()
            if stored_at_s[request] < at_s < read_at_s
        ]
        return max(held_up, default=0.0)

    def delete_consumers(self) -> int:
        """Do what an operator should not; return how many consumers the input stream had."""
        return self._do(self._delete_consumers(), 5)

    def delete_stream(self, stream: str) -> None:
        """Likewise."""
        self._do(self._broker.js.delete_stream(stream), 5)

    def _do(self, work: Coroutine[Any, Any, _T], timeout_s: float) -> _T:
        what = getattr(work, "__qualname__", "work")
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result(timeout_s)
        except TimeoutError:
            future.cancel()
            raise TimeoutError(f"{what} took more than {timeout_s:.0f} s") from None

    async def _open(self) -> None:
        # The last one first: the instances begin at the first, of which a story may have a use.
        urls = ",".join(reversed(self._nats_url.split(",")))
        self._broker = await self._opened.enter_async_context(
            connected(urls, self._names, self._mongodb_uri, **(_ROAMS if "," in urls else {}))
        )
        self._producer = producer = Producer(self._broker.client, self._names.requests)
        self._count = lambda: producer.count
        self.reader = DigestReader(self._broker.client, self._names)
        self.subscriber = PlainSubscriber(self._broker.client, self._names)
        await self.subscriber.start()
        await self._producer.start()
        self._tasks = [
            asyncio.create_task(self._producer.resend()),
            asyncio.create_task(self.reader.run()),
        ]

    async def _close(self) -> None:
        tasks = [*self._tasks, *([] if self._loading is None else [self._loading])]
        left = set(tasks)
        while left:
            # Again: before Python 3.12 wait_for takes an answer that comes at the same moment.
            for task in left:
                task.cancel()
            _, left = await asyncio.wait(left, timeout=_CANCELLED_WITHIN_S)
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._opened.aclose()

    async def _put_large(self, count: int) -> None:
        for _ in range(count):
            await self._producer.put(*self._messages.large_event())

    async def _touch(self, users: list[UserID]) -> None:
        await self._producer.put_all(self._messages.event_of(user) for user in users)
        await self._producer.put_all(self._messages.request(user) for user in users)
        await self._settle()
        await self.reader.complete()

    async def _servers_answer(self) -> float:
        _, body = self._messages.event_of(self._messages.new_user("bare"))
        return await self._bare.answered_s(body)

    async def _probe(self) -> float:
        user = self._messages.new_user("probe")
        began_s = time.monotonic()
        await self._producer.put(*self._messages.event_of(user))
        digest = self.reader.next_of(user)
        await self._producer.put(*self._messages.request(user))
        assert json.loads(await digest)["ActiveAlarms"], f"{user}: the digest lacks its alarm"
        return time.monotonic() - began_s

    async def _wait_for_digest(self) -> float:
        began_s = time.monotonic()
        await self.reader.next()
        return time.monotonic() - began_s

    async def _settle(self) -> None:
        await self._producer.stored()
        while True:
            try:
                await self._broker.settled(600)
            except (NatsError, PyMongoError, OSError):
                await asyncio.sleep(_POLL_S)
            else:
                return

    async def _read_log(self) -> list[Entry]:
        while True:
            with suppress(NatsError):  # a consumer of a cluster is not always there at once
                return await read_log(self._broker.js, self._names)
            await asyncio.sleep(_POLL_S)

    async def _ask_for_everyone(self) -> None:
        users = sorted(self._oracle.users())
        await self._producer.put_all(self._messages.request(user) for user in users)
        await self._settle()
        await self.reader.complete()

    async def _delete_consumers(self) -> int:
        stream = self._names.input_stream
        consumers = await self._broker.js.consumers_info(stream)
        for consumer in consumers:
            with suppress(NotFoundError):
                await self._broker.js.delete_consumer(stream, consumer.name)
        return len(consumers)
