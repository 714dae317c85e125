"""Writing to NATS in the order of the calls, in bursts, without waiting."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from nats.errors import MaxPayloadError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from bus.connection.client.client import NatsClient

logger = logging.getLogger("bus.connection")

_WRITES_PER_TURN = 200

_COPIED_BYTES = 256 * 1024
"""What is larger goes as it is: one copy less of a dead letter of thirty megabytes."""


class _Write(NamedTuple):
    commands: bytes
    """As they go over the wire."""
    failed: Callable[[Exception], None] | None
    wanted: Callable[[], bool] | None


class OrderedWriter:
    """Commands that wait to be written, and the task that writes them. On the event loop."""

    def __init__(self, client: NatsClient) -> None:
        """Write to ``client``."""
        self._client = client
        self._writes: deque[_Write] = deque()
        self._write_wanted = asyncio.Event()
        self._written: list[asyncio.Future[None]] = []

    def write(
        self,
        subject: str,
        body: bytes,
        reply: str = "",
        head: bytes = b"",
        failed: Callable[[Exception], None] | None = None,
        wanted: Callable[[], bool] | None = None,
    ) -> None:
        """Publish without waiting, in the order of the calls.

        ``head`` is headers as ``bus.outbound.message`` composes them. ``failed`` is called when the
        client refuses; that the server has the message is something only an answer can tell.
        ``wanted`` is asked when its turn comes: a server that stands still for a while would else
        be given every attempt of who has tried again meanwhile.
        """
        self.write_all([(subject, body, reply, head)], failed, wanted)

    def write_all(
        self,
        messages: Iterable[tuple[str, bytes, str, bytes]],
        failed: Callable[[Exception], None] | None = None,
        wanted: Callable[[], bool] | None = None,
    ) -> None:
        """Publish messages, each what ``write`` takes, as one piece: all of them, or none."""
        most = self._client.max_payload
        pieces: list[bytes] = []
        for subject, body, reply, head in messages:
            size = len(head) + len(body)
            if size > most:
                error = MaxPayloadError()
                if failed is not None:
                    failed(error)
                logger.debug("write.failed", extra={"error": repr(error)})
                return
            sizes = f"{len(head)} {size}" if head else f"{size}"
            line = f"{'HPUB' if head else 'PUB'} {subject} {reply} {sizes}\r\n"
            pieces += (line.encode(), head, body, b"\r\n")
        self._writes.append(_Write(b"".join(pieces), failed, wanted))
        self._write_wanted.set()

    async def written(self, within_s: float | None = None) -> bool:
        """Return when everything written so far has been given to the client, or has failed.

        False when that takes longer than ``within_s``: a server that stands still takes nothing.
        """
        if not self._writes:
            return True
        written = asyncio.get_running_loop().create_future()
        self._written.append(written)
        return written in (await asyncio.wait([written], timeout=within_s))[0]

    async def run(self) -> None:
        """Write for ever; what a client raises is an error of those writes."""
        while True:
            await self._write_wanted.wait()
            self._write_wanted.clear()
            while self._writes:
                # They leave the queue once the client has them: ``written`` waits for that.
                writes = list(islice(self._writes, _WRITES_PER_TURN))
                try:
                    commands = [
                        write.commands for write in writes if write.wanted is None or write.wanted()
                    ]
                    if commands:
                        await self._client.write_commands(_joined(commands))
                except Exception as error:
                    # Whatever client, transport or loop raise is an error of these writes: uvloop's
                    # closed transports, for one, raise RuntimeError. Nobody else would write on.
                    logger.debug("write.failed", extra={"error": repr(error)})
                    for write in writes:
                        if write.failed is not None:
                            write.failed(error)
                for _ in writes:
                    self._writes.popleft()
                await asyncio.sleep(0)
            for written in self._written:
                if not written.done():
                    written.set_result(None)
            self._written.clear()


def _joined(commands: list[bytes]) -> list[bytes]:
    """Put commands together, which is cheaper than to write each; but copy no large one."""
    if sum(map(len, commands)) <= _COPIED_BYTES:
        return [b"".join(commands)]
    pieces: list[bytes] = []
    small: list[bytes] = []
    for command in commands:
        if len(command) <= _COPIED_BYTES:
            small.append(command)
        else:
            pieces += (b"".join(small), command)
            small = []
    return [*pieces, b"".join(small)]
