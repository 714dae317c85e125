"""The reader: a consumer that misses no digest of the stream, whatever breaks."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any, NamedTuple

from nats.errors import Error as NatsError
from nats.errors import TimeoutError as NatsTimeoutError
from nats.js.api import ConsumerConfig, DeliverPolicy
from nats.js.errors import ServiceUnavailableError

from chaos.load.log import request_of

if TYPE_CHECKING:
    from nats.aio.client import Client
    from nats.aio.msg import Msg
    from nats.js.client import JetStreamContext

    from tests.broker import Names

_DURABLE = "chaos-reader"
_RETRY_S = 0.1


class Stored(NamedTuple):
    """A digest as the stream has it."""

    digest_id: str
    body: bytes
    request: int | None
    """The number of the request that it answers."""
    read_at_s: float
    """By the monotonic clock; later than it was stored."""


class DigestReader:
    """Keeps every digest by its place in the stream. Runs on one event loop."""

    def __init__(self, client: Client, names: Names) -> None:
        """Read over ``client`` from the digest stream of ``names``."""
        self._js = client.jetstream(timeout=2)
        self._names = names
        self._streams: list[str] = []
        self._found: dict[tuple[int, int], Stored] = {}
        self._anyone: asyncio.Future[None] | None = None
        self._waiting: dict[str, list[asyncio.Future[bytes]]] = defaultdict(list)

    @property
    def count(self) -> int:
        """Digests read, each counted once."""
        return len(self._found)

    def digests(self) -> list[Stored]:
        """Return all digests in the order of the stream."""
        return [self._found[place] for place in sorted(self._found)]

    def next(self) -> asyncio.Future[None]:
        """Return when the next digest is there, whosever it is."""
        self._anyone = self._anyone or asyncio.get_running_loop().create_future()
        return self._anyone

    def next_of(self, user: str) -> asyncio.Future[bytes]:
        """Return the user's next digest, once it is there."""
        future: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._waiting[user].append(future)
        return future

    async def run(self) -> None:
        """Read for ever; a stream that is not there is waited for."""
        while True:
            try:
                await self._read()
            except (NatsError, OSError):
                await asyncio.sleep(_RETRY_S)

    async def complete(self) -> None:
        """Read what the stream still holds unread; a cluster that elects is asked again."""
        while True:
            try:
                await self._complete()
            except (ServiceUnavailableError, NatsTimeoutError):
                await asyncio.sleep(_RETRY_S)
            else:
                return

    async def _complete(self) -> None:
        js, stream = self._js, self._names.digest_stream
        state = (await js.stream_info(stream)).state
        for sequence in range(state.first_seq, state.last_seq + 1):
            if (len(self._streams), sequence) not in self._found:
                found = await js.get_msg(stream, sequence)
                self._note(sequence, found.headers or {}, found.data or b"")

    async def _read(self) -> None:
        # A stream that was deleted and made again hands out its sequences once more.
        created_at = str((await self._js.stream_info(self._names.digest_stream)).created)
        if created_at not in self._streams:
            self._streams.append(created_at)
        config = ConsumerConfig(deliver_policy=DeliverPolicy.ALL, ack_wait=2)
        subscription = await self._js.pull_subscribe(
            self._names.digests, _DURABLE, stream=self._names.digest_stream, config=config
        )
        try:
            while True:
                try:
                    messages = await subscription.fetch(500, timeout=1)
                except NatsTimeoutError:
                    # So also looks a consumer that is gone together with its stream.
                    await self._js.consumer_info(self._names.digest_stream, _DURABLE)
                    continue
                for message in messages:
                    await self._take(message)
        finally:
            await _unsubscribe(subscription)

    async def _take(self, message: Msg) -> None:
        self._note(message.metadata.sequence.stream, message.headers or {}, message.data)
        await message.ack()

    def _note(self, sequence: int, headers: dict[str, Any], body: bytes) -> None:
        place = (len(self._streams), sequence)
        if place in self._found:
            return
        request = request_of(headers.get("traceparent"))
        self._found[place] = Stored(headers["Nats-Msg-Id"], body, request, time.monotonic())
        if self._anyone is not None:
            self._anyone.set_result(None)
            self._anyone = None
        if self._waiting:
            for future in self._waiting.pop(json.loads(body)["UserID"], ()):
                if not future.done():
                    future.set_result(body)


async def _unsubscribe(subscription: JetStreamContext.PullSubscription) -> None:
    try:
        await subscription.unsubscribe()
    except (NatsError, OSError):
        return  # the connection is gone, and the subscription with it


class PlainSubscriber:
    """Somebody on core NATS who keeps no ids: what it sees twice, its users are told twice."""

    def __init__(self, client: Client, names: Names) -> None:
        """Listen over ``client`` to the digests of ``names``."""
        self._client = client
        self._names = names
        self._seen: Counter[str] = Counter()

    @property
    def repeats(self) -> int:
        """How many digests it has seen again."""
        return self._seen.total() - len(self._seen)

    async def start(self) -> None:
        """Begin to listen."""
        await self._client.subscribe(self._names.digests, cb=self._on_digest)

    async def _on_digest(self, message: Msg) -> None:
        self._seen[(message.headers or {})["Nats-Msg-Id"]] += 1
