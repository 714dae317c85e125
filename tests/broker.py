"""What a test does on NATS beside the service: fill streams, read digests and dead letters."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
from collections import Counter
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import nats
from nats.errors import TimeoutError as NatsTimeoutError
from nats.js.api import ConsumerConfig, DeliverPolicy, DiscardPolicy
from pymongo import AsyncMongoClient
from pymongo.errors import AutoReconnect

from tests.patience import PATIENCE_S

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

    from nats.aio.client import Client
    from nats.aio.msg import Msg
    from pymongo.asynchronous.collection import AsyncCollection

_numbers = itertools.count()
_POLL_S = 0.01


@dataclass(frozen=True, slots=True)
class Names:
    """Subjects, streams, consumer and database of one test, so that tests keep apart."""

    suffix: str = field(default_factory=lambda: f"{os.getpid()}-{next(_numbers)}")

    def settings(self, nats_url: str, mongodb_uri: str) -> dict[str, object]:
        """Return the service's settings."""
        return {
            "NATS_URL": nats_url,
            "MONGODB_URI": mongodb_uri,
            "MONGODB_DATABASE": self.database,
            "QUEUE_GROUP": self.consumer,
            "ALARM_STATUS_CHANGED_SUBJECT": self.events,
            "SEND_ALARM_DIGEST_SUBJECT": self.requests,
            "ALARM_DIGEST_SUBJECT": self.digests,
            "DEAD_LETTER_SUBJECT": self.dead_letters,
            "INPUT_STREAM": self.input_stream,
            "DIGEST_STREAM": self.digest_stream,
            "DEAD_LETTER_STREAM": self.dead_letter_stream,
            "HTTP_ADDRESS": "off",  # tests run side by side
            "CHECKPOINT_INTERVAL": 0.2,  # and wait for positions
        }

    @property
    def database(self) -> str:
        """The database."""
        return f"test-{self.suffix}"

    @property
    def consumer(self) -> str:
        """The durable consumer and queue group."""
        return f"digester-{self.suffix}"

    @property
    def input_stream(self) -> str:
        """The stream of the input subjects."""
        return f"INPUT-{self.suffix}"

    @property
    def digest_stream(self) -> str:
        """The stream of the digests."""
        return f"DIGESTS-{self.suffix}"

    @property
    def dead_letter_stream(self) -> str:
        """The stream of the dead letters."""
        return f"DEAD-{self.suffix}"

    @property
    def events(self) -> str:
        """The subject of alarm events."""
        return f"AlarmStatusChanged-{self.suffix}"

    @property
    def requests(self) -> str:
        """The subject of digest requests."""
        return f"SendAlarmDigest-{self.suffix}"

    @property
    def digests(self) -> str:
        """The subject of digests."""
        return f"AlarmDigest-{self.suffix}"

    @property
    def dead_letters(self) -> str:
        """The subject of dead letters."""
        return f"AlarmDeadLetter-{self.suffix}"


class Broker:
    """A test's own connection. Runs on the test's event loop."""

    def __init__(self, client: Client, names: Names, mongodb_uri: str | None = None) -> None:
        """Use ``client`` for what ``names`` names; with MongoDB's URI, know the positions too."""
        self.client = client
        self.names = names
        self._mongodb_uri = mongodb_uri
        self._mongodb: AsyncMongoClient[dict[str, Any]] | None = None
        self.js = client.jetstream()
        self._digests: Any = None
        self._dead_letters: Any = None

    async def create_input_stream(self, **options: Any) -> None:
        """Create the input stream before the service does."""
        await self.js.add_stream(
            name=self.names.input_stream,
            subjects=[self.names.events, self.names.requests],
            **options,
        )

    async def take_digests(self, *, wanted: bool) -> None:
        """Have the digest stream refuse every digest, or take them again."""
        config = (await self.js.stream_info(self.names.digest_stream)).config
        config.max_msg_size = -1 if wanted else 1
        await self.js.update_stream(config)

    async def leave_room_for_digests(self, *, wanted: bool) -> None:
        """Have the digest stream, which holds some, be full; or have room again.

        Unlike one that refuses a size, it is tried again and again.
        """
        info = await self.js.stream_info(self.names.digest_stream)
        info.config.max_msgs = -1 if wanted else info.state.messages
        info.config.discard = DiscardPolicy.OLD if wanted else DiscardPolicy.NEW
        await self.js.update_stream(info.config)

    async def put_all(self, bodies: Iterable[bytes]) -> int:
        """Publish many events fast; return how many, once the stream holds them all."""
        return await self.put_many((self.names.events, body) for body in bodies)

    async def put_many(self, messages: Iterable[tuple[str, bytes]]) -> int:
        """Publish many messages fast; return how many, once the stream holds them all."""
        before = await self._last_sequence()
        count = 0
        for subject, body in messages:
            await self.client.publish(subject, body)
            count += 1
            if count % 5000 == 0:
                await self.client.flush()
        await self.client.flush()
        while await self._last_sequence() < before + count:  # noqa: ASYNC110  # asks a server
            await asyncio.sleep(_POLL_S)
        return count

    async def event(
        self,
        user: str,
        alarm: str,
        status: str = "CRITICAL",
        at: str = "2021-06-07T20:40:15.598765212Z",
    ) -> int:
        """Publish an event; return its sequence in the stream."""
        fields = {"AlarmID": alarm, "UserID": user, "Status": status, "ChangedAt": at}
        return await self.put(self.names.events, json.dumps(fields, ensure_ascii=False).encode())

    async def request(self, user: str) -> int:
        """Ask for a digest; return the request's sequence in the stream."""
        body = json.dumps({"UserID": user}, ensure_ascii=False).encode()
        return await self.put(self.names.requests, body)

    async def put(self, subject: str, body: bytes) -> int:
        """Publish into the input stream; return the sequence."""
        return (await self.js.publish(subject, body)).seq

    async def next_digest(self, timeout_s: float = PATIENCE_S) -> dict[str, Any]:
        """Return the next digest of the stream, decoded."""
        fields: dict[str, Any] = json.loads((await self.next_digest_message(timeout_s)).data)
        return fields

    async def next_digest_message(self, timeout_s: float = PATIENCE_S) -> Msg:
        """Return the next digest of the stream as it is."""
        if self._digests is None:
            self._digests = await self._read(self.names.digests)
        message: Msg = await self._digests.next_msg(timeout=timeout_s)
        return message

    async def digests(self) -> list[Msg]:
        """Return all digests that the stream holds now, oldest first."""
        return await self._all(self.names.digest_stream, self.names.digests)

    async def dead_letters(self) -> list[Msg]:
        """Return all dead letters that the stream holds now, oldest first."""
        return await self._all(self.names.dead_letter_stream, self.names.dead_letters)

    async def left(self) -> int:
        """Return how many messages lie behind the lowest position: what would be read again."""
        positions = await self.positions()
        return await self._last_sequence() - min(positions.values(), default=0)

    async def left_at_most(self, count: int, timeout_s: float = PATIENCE_S) -> int:
        """Return how many messages are left, once it is no more than ``count``."""
        async with asyncio.timeout(timeout_s):
            while (left := await self.left()) > count:  # noqa: ASYNC110  # asks servers
                await asyncio.sleep(_POLL_S)
        return left

    async def positions(self) -> dict[int, int]:
        """Return how far each partition is settled, as the service's database says."""
        return {
            document["_id"]: document["position"]["sequence"]
            async for document in self._collection("partitions").find({})
        }

    async def shares(self) -> list[int]:
        """Return how many partitions are at home with each instance, smallest first."""
        homes = Counter([home async for home in self._homes()])
        del homes[None]
        return sorted(homes.values())

    async def shared(self, *shares: int, timeout_s: float = PATIENCE_S) -> None:
        """Return once the partitions are shared out so, smallest first."""
        async with asyncio.timeout(timeout_s):
            while await self.shares() != list(shares):  # noqa: ASYNC110  # asks a server
                await asyncio.sleep(_POLL_S)

    async def _homes(self) -> AsyncIterator[str | None]:
        async for document in self._collection("partitions").find({}):
            yield document["home"]

    def _collection(self, name: str) -> AsyncCollection[dict[str, Any]]:
        assert self._mongodb_uri is not None, "connect with MongoDB's URI"
        if self._mongodb is None:
            self._mongodb = AsyncMongoClient(self._mongodb_uri, serverMonitoringMode="poll")
        return self._mongodb[self.names.database][name]

    async def next_dead_letter(self, timeout_s: float = PATIENCE_S) -> Msg:
        """Return the next dead letter of the stream."""
        if self._dead_letters is None:
            self._dead_letters = await self._read(self.names.dead_letters)
        message: Msg = await self._dead_letters.next_msg(timeout=timeout_s)
        return message

    async def no_more_digests(self, within_s: float = 0.7) -> bool:
        """Whether no other digest comes."""
        try:
            await self.next_digest_message(within_s)
        except NatsTimeoutError:
            return True
        return False

    async def settled(self, timeout_s: float = PATIENCE_S, poll_s: float = _POLL_S) -> None:
        """Return once every partition's position has reached what the input stream holds now."""
        last, log = await self._last_sequence(), await self._log()
        partitions = self._collection("partitions")
        # A position of a former stream of that name says nothing about this one.
        behind = {"$or": [{"position.sequence": {"$lt": last}}, {"position.log": {"$ne": log}}]}
        async with asyncio.timeout(timeout_s):
            while last:
                with suppress(AutoReconnect):  # a test may have killed it meanwhile
                    there = await partitions.find_one({}, {"_id": 1})
                    if there and await partitions.find_one(behind, {"_id": 1}) is None:
                        return
                await asyncio.sleep(poll_s)

    async def close(self) -> None:
        """Close the connections."""
        if self._mongodb is not None:
            await self._mongodb.close()
        await self.client.close()

    async def _all(self, stream: str, subject: str) -> list[Msg]:
        count = (await self.js.stream_info(stream)).state.messages
        if not count:
            return []
        reader = await self._read(subject)
        found: list[Msg] = [await reader.next_msg(timeout=PATIENCE_S) for _ in range(count)]
        await reader.unsubscribe()
        return found

    async def _last_sequence(self) -> int:
        return (await self.js.stream_info(self.names.input_stream)).state.last_seq

    async def _log(self) -> str:
        """Return what tells this input stream from others of its name."""
        subject = f"$JS.API.STREAM.INFO.{self.names.input_stream}"
        answer = json.loads((await self.client.request(subject, b"")).data)
        created: str = answer["created"]
        return created

    async def _read(self, subject: str) -> Any:
        stream = await self.js.find_stream_name_by_subject(subject)
        config = ConsumerConfig(deliver_policy=DeliverPolicy.ALL)
        return await self.js.subscribe(subject, stream=stream, ordered_consumer=True, config=config)


@asynccontextmanager
async def connected(
    nats_url: str, names: Names, mongodb_uri: str | None = None, **options: Any
) -> AsyncIterator[Broker]:
    """Connect for the time of a ``with`` block; ``options`` are of nats-py's."""
    client = await nats.connect(
        nats_url.split(","), max_reconnect_attempts=-1, reconnect_time_wait=0.1, **options
    )
    broker = Broker(client, names, mongodb_uri)
    try:
        yield broker
    finally:
        await broker.close()
