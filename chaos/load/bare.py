"""A bare client: when do the servers themselves answer? What is later is the service's own."""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from nats.errors import Error as NatsError
from pymongo import AsyncMongoClient
from pymongo.errors import PyMongoError
from pymongo.write_concern import WriteConcern

from tests.clusters import member_client

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.broker import Names

_TRIED_FOR_S = 0.5
_POLL_S = 0.05
_IN_A_ROW = 5
"""Majority writes: with a former primary that stands still each may take two seconds, but one that
comes just before the secondary's next heartbeat."""
_CONSUMER = {
    "ack_policy": "none",
    "deliver_policy": "new",
    "inactive_threshold": 10**9,
    "mem_storage": True,
    "num_replicas": 1,
}
"""As the service reads by. The meta leader places it, which may be elected after all others."""
_DURABLE = WriteConcern(w="majority", j=True, wtimeout=int(_TRIED_FOR_S * 1000))


class BareClient:
    """Asks for what the service needs, of whichever member has it. Runs on one event loop.

    A connection is made for every attempt, so that none stands on a member that is gone.
    """

    def __init__(self, nats_url: str, mongodb_uri: str, names: Names) -> None:
        """Prepare; nothing is connected yet."""
        self._urls = nats_url.split(",")
        self._mongodb_uri = mongodb_uri
        self._names = names
        self._count = 0

    async def answered_s(self, event: bytes) -> float:
        """Return the seconds until all have answered: both streams, a consumer, a majority.

        The ``event`` is one that the input stream takes and acknowledges, once.
        """
        began_s = time.monotonic()
        self._count += 1
        event_id = {"Nats-Msg-Id": f"bare-{self._count}"}
        client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(
            self._mongodb_uri, serverMonitoringMode="poll", timeoutMS=int(_TRIED_FOR_S * 1000)
        )
        written = client[self._names.database].get_collection("bare", write_concern=_DURABLE)

        async def write() -> bool:
            for _ in range(_IN_A_ROW):
                await written.update_one({"_id": 0}, {"$inc": {"times": 1}}, upsert=True)
            return True

        info = f"$JS.API.STREAM.INFO.{self._names.digest_stream}"
        create = f"$JS.API.CONSUMER.CREATE.{self._names.input_stream}"
        consumer = json.dumps(
            {"stream_name": self._names.input_stream, "config": _CONSUMER}
        ).encode()
        try:
            await asyncio.gather(
                _until(lambda: self._asked(self._names.events, event, event_id)),
                _until(lambda: self._asked(info, b"", {})),
                _until(lambda: self._asked(create, consumer, {})),
                _until(write),
            )
        finally:
            await client.close()
        return time.monotonic() - began_s

    async def _asked(self, subject: str, body: bytes, headers: dict[str, str]) -> bool:
        """Whether JetStream answers one of the members with something else than an error."""
        asked = [self._asked_of(url, subject, body, headers) for url in self._urls]
        return any(await asyncio.gather(*asked))

    async def _asked_of(self, url: str, subject: str, body: bytes, headers: dict[str, str]) -> bool:
        with suppress(NatsError, OSError, TimeoutError):
            async with asyncio.timeout(2 * _TRIED_FOR_S), member_client(url) as client:
                answer = await client.request(subject, body, _TRIED_FOR_S, headers=headers)
                return bool(answer.data) and "error" not in json.loads(answer.data)
        return False


async def _until(attempt: Callable[[], Awaitable[bool]]) -> None:
    while True:
        with suppress(PyMongoError):
            if await attempt():
                return
        await asyncio.sleep(_POLL_S)
