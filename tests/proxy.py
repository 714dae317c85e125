"""A TCP proxy before a server, whose connections can be cut, stalled and slowed."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

_CHUNK_BYTES = 16 * 1024


class FaultProxy:
    """Forwards to one port of loopback. Runs on the event loop of whoever opens it."""

    def __init__(self, target_port: int) -> None:
        """Prepare to forward to ``target_port``."""
        self.latency_s = 0.0
        """How long each chunk is kept back, either way."""
        self.bytes_per_s = 0.0
        """How fast a connection is, either way; 0 is as fast as can be."""
        self.refusing = False
        """Whether new connections are cut as soon as they are made."""
        self._target_port = target_port
        self._flows = asyncio.Event()
        self._flows.set()
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[Any]] = set()

    async def open(self) -> int:
        """Begin to listen; return the port."""
        self._server = await asyncio.start_server(self._on_connection, "127.0.0.1", 0)
        return int(self._server.sockets[0].getsockname()[1])

    async def close(self) -> None:
        """Cut everything and listen no more."""
        if self._server is not None:
            self._server.close()
        self.cut()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def connections(self) -> int:
        """Connections that are open now."""
        return len(self._writers) // 2

    def cut(self) -> None:
        """Reset every connection; what was under way is gone."""
        for writer in self._writers:
            writer.transport.abort()

    def stall(self) -> None:
        """Keep every connection open and forward nothing."""
        self._flows.clear()

    def flow(self) -> None:
        """Forward again, beginning with what was kept back."""
        self._flows.set()

    async def _on_connection(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        if self.refusing:
            writer.transport.abort()
            return
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target_port)
        except OSError:
            writer.transport.abort()
            return
        pair = {writer, far_writer}
        self._writers |= pair
        pumps = [
            asyncio.create_task(self._pump(reader, far_writer)),
            asyncio.create_task(self._pump(far_reader, writer)),
        ]
        self._tasks.update(pumps)
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            # One direction has ended: neither server nor service uses a half-closed connection.
            for each in pair:
                each.close()
            for pump in pumps:
                pump.cancel()
            self._tasks.difference_update(pumps)
            self._writers -= pair

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while chunk := await reader.read(_CHUNK_BYTES):
                await self._flows.wait()
                if self.latency_s:
                    await asyncio.sleep(self.latency_s)
                writer.write(chunk)
                await writer.drain()
                if self.bytes_per_s:
                    await asyncio.sleep(len(chunk) / self.bytes_per_s)
