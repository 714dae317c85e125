"""Transports: a publication and what can be known of its fate, on JetStream and on core NATS."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

import orjson

from actors.errors import PublishFailedError
from bus.connection.lanes import parse_status

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bus.connection.connection import Connection
    from bus.connection.lanes import Frame


_NO_STREAM = PublishFailedError("no stream captures the subject")


class ProvedTransport:
    """Publishes into streams and waits for the server's word. Runs on the bus's event loop."""

    TIMEOUT_S = 5.0

    def __init__(self, connection: Connection, stream_missing: Callable[[], None]) -> None:
        """Prepare; ``start`` opens the inbox for the server's answers.

        ``stream_missing`` is called when no stream captured a publication.
        """
        self._connection = connection
        self._stream_missing = stream_missing
        self._base = ""
        self._number = 0
        self._pending: dict[int, Callable[[PublishFailedError | None], None]] = {}
        self._deadlines: deque[tuple[float, int]] = deque()

    @property
    def max_payload_bytes(self) -> int:
        """See ``Transport``."""
        return self._connection.client.max_payload

    async def start(self) -> None:
        """Begin to listen for answers."""
        self._base = self._connection.client.new_inbox()
        await self._connection.client.open_lane(f"{self._base}.*", self._on_answers)
        self._connection.on_disconnected.append(self._fail_all)
        self._connection.tasks.start("publication deadlines", self._sweep())

    async def close(self) -> None:
        """End; what is not proved by now has failed."""
        self._fail_all()

    def send(
        self,
        subject: str,
        body: bytes,
        headers: Mapping[str, str],
        settled: Callable[[PublishFailedError | None], None],
    ) -> None:
        """See ``Transport``."""
        if not self._connection.connected:
            settled(PublishFailedError("not connected to NATS"))
            return
        self._number += 1
        number = self._number
        self._pending[number] = settled
        deadline_s = asyncio.get_running_loop().time() + self.TIMEOUT_S
        self._deadlines.append((deadline_s, number))

        def failed(error: Exception) -> None:
            self._settle(number, PublishFailedError(repr(error)))

        self._connection.write(subject, body, f"{self._base}.{number}", headers, failed)

    def call_later(self, delay_s: float, action: Callable[[], None]) -> None:
        """See ``Transport``."""
        asyncio.get_running_loop().call_later(delay_s, action)

    def _on_answers(self, frames: list[Frame]) -> None:
        for subject, _, body, headers in frames:
            error = _refusal(body, headers)
            if error is _NO_STREAM:
                self._stream_missing()
            self._settle(int(subject.rpartition(b".")[2]), error)

    def _settle(self, number: int, error: PublishFailedError | None) -> None:
        settled = self._pending.pop(number, None)
        if settled is not None:
            settled(error)

    def _fail_all(self) -> None:
        for number in list(self._pending):
            self._settle(number, PublishFailedError("the connection was lost"))

    async def _sweep(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(self.TIMEOUT_S / 10)
            while self._deadlines and self._deadlines[0][0] <= loop.time():
                _, number = self._deadlines.popleft()
                self._settle(number, PublishFailedError("no answer from the stream in time"))


def _refusal(body: bytes, headers: bytes) -> PublishFailedError | None:
    """Return why a publication was not taken, or None when it was."""
    if headers and parse_status(headers)[0] == "503":
        return _NO_STREAM
    try:
        answer = orjson.loads(body)
        error = answer.get("error")
        if error is not None:
            return PublishFailedError(f"{error.get('code')}: {error.get('description')}")
        if "stream" in answer and "seq" in answer:
            return None
    except (ValueError, AttributeError):
        pass
    return PublishFailedError("an answer that is no publication's acknowledgement")


class FlushedTransport:
    """Publishes and waits for the server to have read it. Runs on the bus's event loop.

    That is all core NATS can tell; who subscribes gets it at most once.
    """

    def __init__(self, connection: Connection) -> None:
        """Prepare; ``start`` is for symmetry with JetStream's."""
        self._connection = connection
        self._unflushed: list[Callable[[PublishFailedError | None], None]] = []
        self._flushing: asyncio.Task[None] | None = None

    @property
    def max_payload_bytes(self) -> int:
        """See ``Transport``."""
        return self._connection.client.max_payload

    async def start(self) -> None:
        """Nothing to set up."""

    async def close(self) -> None:
        """Wait for the flush under way."""
        if self._flushing is not None:
            await asyncio.gather(self._flushing, return_exceptions=True)

    def send(
        self,
        subject: str,
        body: bytes,
        headers: Mapping[str, str],
        settled: Callable[[PublishFailedError | None], None],
    ) -> None:
        """See ``Transport``."""
        if not self._connection.connected:
            settled(PublishFailedError("not connected to NATS"))
            return
        refused: list[Exception] = []

        def flushed(error: PublishFailedError | None) -> None:
            settled(PublishFailedError(repr(refused[0])) if refused else error)

        self._connection.write(subject, body, "", headers, refused.append)
        self._unflushed.append(flushed)
        if self._flushing is None or self._flushing.done():
            self._flushing = asyncio.create_task(self._flush())

    def call_later(self, delay_s: float, action: Callable[[], None]) -> None:
        """See ``Transport``."""
        asyncio.get_running_loop().call_later(delay_s, action)

    async def _flush(self) -> None:
        while self._unflushed:
            unflushed, self._unflushed = self._unflushed, []
            await self._connection.written()
            error: PublishFailedError | None = None
            try:
                # A flush while disconnected returns at once and proves nothing.
                await self._connection.client.flush(timeout=5)
                if not self._connection.connected:
                    error = PublishFailedError("the connection was lost")
            except Exception as failure:
                # Whatever the client raises: nobody else would flush on.
                error = PublishFailedError(repr(failure))
            for settled in unflushed:
                settled(error)
