"""The producer: publishes into the input stream, each message again until the stream has it."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import orjson
from nats.errors import Error as NatsError

from chaos.load.log import trace_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nats.aio.client import Client
    from nats.aio.msg import Msg

_UNACKNOWLEDGED_MAX = 5_000
_RESEND_AFTER_S = 1.0
_TURN_S = 0.01


class _Sent:
    """A message until the stream has it."""

    __slots__ = ("at_s", "body", "connection", "headers", "stored", "subject")

    def __init__(
        self,
        subject: str,
        body: bytes,
        headers: dict[str, str],
        stored: asyncio.Future[None] | None,
    ) -> None:
        self.subject = subject
        self.headers = headers
        self.body = body
        self.stored = stored
        self.at_s = 0.0
        self.connection = -1


class Producer:
    """Knows of every message whether the stream has it. Runs on one event loop.

    A core publication while NATS is away is in no stream, and no service can be blamed for it: so
    each message has a ``Nats-Msg-Id``, and is sent under it until the stream has acknowledged it.
    """

    def __init__(self, client: Client, requests: str) -> None:
        """Publish over ``client``; what goes to the subject ``requests`` bears a trace context."""
        self._client = client
        self._requests = requests
        self.stored_at_s: dict[int, float] = {}
        """When the stream had each request, by its number and the monotonic clock."""
        self._base = client.new_inbox()
        self._unacknowledged: dict[int, _Sent] = {}
        self._number = 0

    @property
    def count(self) -> int:
        """Messages, each counted once however often it was sent."""
        return self._number

    async def start(self) -> None:
        """Begin to listen for acknowledgements."""
        await self._client.subscribe(f"{self._base}.*", cb=self._on_answer)

    async def put(self, subject: str, body: bytes) -> None:
        """Publish a message; return when the stream has it."""
        stored = asyncio.get_running_loop().create_future()
        await self._add(subject, body, stored)
        await stored

    async def put_all(self, messages: Iterator[tuple[str, bytes]]) -> None:
        """Publish many as fast as the stream takes them; return when it has them all."""
        for subject, body in messages:
            await self._room()
            await self._add(subject, body, None)
        await self.stored()

    async def put_at(self, rate: float, messages: Iterator[tuple[str, bytes]]) -> None:
        """Publish so many a second, for ever; what the stream took too late is not caught up."""
        while True:
            began_s = time.monotonic()
            for _ in range(max(1, round(rate * _TURN_S))):
                await self._add(*next(messages), None)
            await asyncio.sleep(max(0.0, began_s + _TURN_S - time.monotonic()))
            await self._room()

    async def stored(self) -> None:
        """Return when the stream has everything."""
        while self._unacknowledged:  # noqa: ASYNC110  # an event would cost every message
            await asyncio.sleep(_TURN_S)

    async def resend(self) -> None:
        """Send again, for ever, what a connection or the stream has not kept."""
        while True:
            await asyncio.sleep(_RESEND_AFTER_S / 10)
            connection, before_s = self._connection(), time.monotonic() - _RESEND_AFTER_S
            for number, sent in list(self._unacknowledged.items()):
                if sent.connection != connection or sent.at_s < before_s:
                    await self._send(number, sent)

    async def _room(self) -> None:
        while len(self._unacknowledged) >= _UNACKNOWLEDGED_MAX:  # noqa: ASYNC110  # as above
            await asyncio.sleep(_TURN_S)

    async def _add(self, subject: str, body: bytes, stored: asyncio.Future[None] | None) -> None:
        self._number = number = self._number + 1
        headers = {"Nats-Msg-Id": f"chaos-{number}"}
        if subject == self._requests:
            headers["traceparent"] = trace_of(number)
        sent = self._unacknowledged[number] = _Sent(subject, body, headers, stored)
        await self._send(number, sent)

    async def _send(self, number: int, sent: _Sent) -> None:
        if not self._client.is_connected or number not in self._unacknowledged:
            return
        sent.at_s, sent.connection = time.monotonic(), self._connection()
        reply = f"{self._base}.{number}"
        try:
            await self._client.publish(sent.subject, sent.body, reply, sent.headers)
        except (NatsError, OSError):
            sent.connection = -1  # not sent: once more at the next turn

    def _connection(self) -> int:
        return self._client.stats["reconnects"]

    async def _on_answer(self, msg: Msg) -> None:
        if (msg.headers or {}).get("Status") or "seq" not in orjson.loads(msg.data):
            return  # no stream, or one that is not ready: sent again soon
        number = int(msg.subject.rpartition(".")[2])
        sent = self._unacknowledged.pop(number, None)
        if sent is None:
            return
        if sent.subject == self._requests:
            self.stored_at_s[number] = time.monotonic()
        if sent.stored is not None:
            sent.stored.set_result(None)
