"""Core NATS' transport: that the server has read it is all that can be known."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from actors.errors import PublishFailedError
from bus.connection.tasks import begin
from bus.outbound.transport import ConnectedTransport

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bus.connection.connection import Connection
    from bus.outbound.message import OutgoingMessage
    from bus.outbound.transport import Outcomes

_FLUSHED_WITHIN_S = 5
_CLOSED_WITHIN_S = 2.0


class FlushedTransport(ConnectedTransport):
    """Publishes and waits for the server to have read it. Runs on the bus's event loop.

    Who subscribes gets it at most once.
    """

    def __init__(self, connection: Connection) -> None:
        """Prepare; ``start`` is for symmetry with JetStream's."""
        super().__init__(connection)
        self._unflushed: list[Callable[[PublishFailedError | None], None]] = []
        self._flushing: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Nothing to set up."""

    async def close(self) -> None:
        """Wait for the flush under way; a server that stands still is not waited for."""
        if self._flushing is not None:
            await asyncio.wait([self._flushing], timeout=_CLOSED_WITHIN_S)
            self._flushing.cancel()
            await asyncio.gather(self._flushing, return_exceptions=True)

    def _publish(
        self, messages: Sequence[OutgoingMessage], settled: Callable[[Outcomes], None]
    ) -> None:
        refused: list[Exception] = []

        def flushed(error: PublishFailedError | None) -> None:
            outcome = PublishFailedError(repr(refused[0])) if refused else error
            settled([outcome] * len(messages))

        self._connection.write_all(
            [(subject, body, "", head) for subject, body, _, head in messages], refused.append
        )
        self._unflushed.append(flushed)
        if self._flushing is None or self._flushing.done():
            self._flushing = begin("flush", self._flush())

    async def _flush(self) -> None:
        while self._unflushed:
            unflushed, self._unflushed = self._unflushed, []
            await self._connection.written()
            error: PublishFailedError | None = None
            try:
                # A flush while disconnected returns at once and proves nothing.
                await self._connection.client.flush(timeout=_FLUSHED_WITHIN_S)
                if not self._connection.connected:
                    error = PublishFailedError("the connection was lost")
            except Exception as failure:
                # Whatever the client raises: nobody else would flush on.
                error = PublishFailedError(repr(failure))
            for settled in unflushed:
                settled(error)
