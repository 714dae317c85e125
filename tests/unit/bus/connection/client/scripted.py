"""A server that speaks as much of NATS as a client needs to connect, by a script."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from bus.connection.client.client import NatsClient

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

SERVER_LIMIT = 1_000_000


class ScriptedServer:
    """Speaks as much of NATS as a client needs to connect. Runs on the event loop."""

    def __init__(self) -> None:
        """Prepare; accounts have no limit of their own."""
        self.account_limit: int | None = None
        self.answers_pings = True
        self.connects: list[dict[str, Any]] = []
        self.heard: list[bytes] = []
        self._writers: list[asyncio.StreamWriter] = []
        self._held = 0

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection: as a real one, say the account's limit behind the first PONG."""
        self._writers.append(writer)
        self._info(writer, SERVER_LIMIT)
        told = False
        while line := await reader.readline():
            self.heard.append(line)
            verb, _, rest = line.partition(b" ")
            if verb == b"CONNECT":
                self.connects.append(json.loads(rest))
            elif line == b"PING\r\n":
                if not self.answers_pings:
                    self._held += 1
                    continue
                writer.write(b"PONG\r\n")
                if not told and self.account_limit is not None:
                    self._info(writer, self.account_limit)
                told = True

    def say(self, text: bytes) -> None:
        """Say something on the newest connection."""
        self._writers[-1].write(text)

    def answer_late(self) -> None:
        """Answer the pings that were held back."""
        self.answers_pings = True
        self.say(b"PONG\r\n" * self._held)
        self._held = 0

    def limit(self, account_limit: int) -> None:
        """Lower or raise the account's limit while it is connected."""
        self._info(self._writers[-1], account_limit)

    def drop(self) -> None:
        """Close every connection."""
        for writer in self._writers:
            writer.close()

    def _info(self, writer: asyncio.StreamWriter, max_payload: int) -> None:
        info = {"server_id": "S", "max_payload": max_payload, "headers": True}
        info |= {"auth_required": True, "version": "2.15.0"}
        writer.write(b"INFO " + json.dumps(info).encode() + b"\r\n")


@asynccontextmanager
async def connected(
    script: ScriptedServer, user_info: str = "", **options: Any
) -> AsyncIterator[NatsClient]:
    """Connect to a scripted server."""
    server = await asyncio.start_server(script, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    client = NatsClient()
    options |= {"reconnect_time_wait": 0, "max_reconnect_attempts": -1}
    await client.connect(f"nats://{user_info}127.0.0.1:{port}", **options)
    try:
        await client.flush()
        yield client
    finally:
        await client.close()
        script.drop()
        server.close()
