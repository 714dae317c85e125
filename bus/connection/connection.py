"""The connection to NATS: who we are, staying connected, writing in bursts."""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections import deque
from contextlib import suppress
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

from nats.errors import Error as NatsError
from nats.errors import MaxPayloadError, SlowConsumerError

from actors.errors import SettingsError
from bus.connection.access import access_options, is_not_permitted, refusal
from bus.connection.client import BUFFER_BYTES, NatsClient
from bus.connection.floods import FloodLog
from bus.connection.tasks import LongTasks

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from random import Random

    from bus.settings import BusSettings

logger = logging.getLogger("bus.connection")

_RECONNECT_WAIT_INITIAL_S = 0.1
_RECONNECT_WAIT_MAX_S = 2.0
"""What is whole again is answered within five seconds: a good part is left for the answer."""
PING_INTERVAL_S = 10
"""A server that stands still is left after three of them."""
_WRITES_PER_TURN = 200
LAST_WRITES_S = 2.0
"""What is left is written at a stop for so long."""


class _Write(NamedTuple):
    commands: bytes
    """As they go over the wire."""
    failed: Callable[[Exception], None] | None


class Connection:
    """A NATS connection that comes back by itself. Everything runs on the bus's event loop."""

    def __init__(
        self, settings: BusSettings, random: Random, escalate: Callable[[str], None]
    ) -> None:
        """Prepare; ``open`` connects. ``escalate`` is called when the connection is lost for good.

        Raises ``SettingsError`` for files that are not there or not what they should be.
        """
        self.client = NatsClient()
        self._dropped = FloodLog(_tell_dropped)
        self._not_permitted = FloodLog(_tell_not_permitted)
        self.on_reconnected: list[Callable[[], None]] = []
        self.on_disconnected: list[Callable[[], None]] = []
        self._settings = settings
        self._random = random
        self._escalate = escalate
        self._opening = False
        self._closing = False
        self._refused: asyncio.Future[str] | None = None
        self._wait_s = _RECONNECT_WAIT_INITIAL_S
        self._writes: deque[_Write] = deque()
        self._write_wanted = asyncio.Event()
        self._written: list[asyncio.Future[None]] = []
        self.tasks = LongTasks(escalate)
        """Those of the bus that live as long as the connection."""
        self._options = access_options(settings, self.client)

    @property
    def connected(self) -> bool:
        """Whether the server is there right now."""
        return self.client.is_connected

    @property
    def slow_consumer_drops(self) -> int:
        """Messages of core NATS that found their queue full, and were lost."""
        return self._dropped.total

    async def open(self) -> None:
        """Connect; waits for a server that is not up yet.

        Raises ``SettingsError`` when the server refuses us, or cannot be trusted.
        """
        self._opening = True
        self._refused = asyncio.get_running_loop().create_future()
        connecting = asyncio.create_task(
            self.client.connect(
                servers=list(self._settings.urls),
                name=self._settings.queue_group,
                inbox_prefix=self._settings.inbox_prefix,
                allow_reconnect=True,
                max_reconnect_attempts=-1,
                reconnect_time_wait=self._wait_s,  # type: ignore[arg-type]  # sleeps that long
                ping_interval=PING_INTERVAL_S,
                max_outstanding_pings=2,
                connect_timeout=5,
                pending_size=BUFFER_BYTES,
                skip_subject_validation=True,  # ours are checked once, as settings
                error_cb=self._on_error,
                disconnected_cb=self._on_disconnected,
                reconnected_cb=self._on_reconnected,
                closed_cb=self._on_closed,
                **self._options,
            )
        )
        either: list[asyncio.Future[Any]] = [connecting, self._refused]
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        if not connecting.done():
            connecting.cancel()
            await asyncio.gather(connecting, return_exceptions=True)
            raise SettingsError(self._refused.result())
        connecting.result()
        await self._learn_limits()
        self._wait_s = _RECONNECT_WAIT_INITIAL_S
        self._refused = None
        self.tasks.start("nats writer", self._write_in_order())
        logger.info("nats.connected", extra={"server": str(self.client.connected_server_version)})

    def write(
        self,
        subject: str,
        body: bytes,
        reply: str = "",
        head: bytes = b"",
        failed: Callable[[Exception], None] | None = None,
    ) -> None:
        """Publish without waiting, in the order of the calls.

        ``head`` is headers as ``bus.outbound.message`` composes them. ``failed`` is called when the
        client refuses; that the server has the message is something only an answer can tell.
        """
        size = len(head) + len(body)
        if size > self.client.max_payload:
            error = MaxPayloadError()
            if failed is not None:
                failed(error)
            logger.debug("write.failed", extra={"error": repr(error)})
            return
        sizes = f"{len(head)} {size}" if head else f"{size}"
        line = f"{'HPUB' if head else 'PUB'} {subject} {reply} {sizes}\r\n".encode()
        self._writes.append(_Write(b"".join((line, head, body, b"\r\n")), failed))
        self._write_wanted.set()

    def write_each(self, subjects: Sequence[str], body: bytes) -> None:
        """Publish the same body to many subjects, in order; like ``write``, but as one piece."""
        if not subjects:
            return
        end = f" {len(body)}\r\n{body.decode()}\r\n"
        commands = f"PUB {f'{end}PUB '.join(subjects)}{end}"
        self._writes.append(_Write(commands.encode(), None))
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

    async def close(self) -> None:
        """Write what is waiting and close, however far ``open`` came."""
        self._closing = True
        self._dropped.close()
        self._not_permitted.close()
        # A server that stands still takes nothing more: what is left is not worth the wait.
        flows = await self.written(LAST_WRITES_S)
        await self.tasks.close()
        if self.connected and flows:
            with suppress(NatsError, OSError):
                await self.client.flush(LAST_WRITES_S)  # type: ignore[arg-type]  # waits so long
        if self._opening:
            await self._close_client()

    async def _close_client(self) -> None:
        closing = asyncio.create_task(self.client.close())
        await asyncio.wait([closing], timeout=LAST_WRITES_S)
        if not closing.done():
            self.client.abort()
            await asyncio.wait([closing], timeout=LAST_WRITES_S)
        if not closing.done():
            closing.cancel()
        await asyncio.gather(closing, return_exceptions=True)

    async def _learn_limits(self) -> None:
        """Wait for what the server says behind its first PONG: what our account may publish."""
        try:
            await self.client.flush()
        except (NatsError, OSError) as error:
            logger.debug("limits.unknown", extra={"error": repr(error)})
            return
        self.client.forget_former_limit()

    async def _write_in_order(self) -> None:
        while True:
            await self._write_wanted.wait()
            self._write_wanted.clear()
            while self._writes:
                # They leave the queue once the client has them: ``written`` waits for that.
                writes = list(islice(self._writes, _WRITES_PER_TURN))
                try:
                    await self.client.write_commands(b"".join([write.commands for write in writes]))
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

    async def _on_error(self, error: Exception) -> None:
        # Runs inside the client's read loop, which an exception would end without a word.
        try:
            if isinstance(error, SlowConsumerError):
                self._dropped.add(error.subject)
                return
            refused = refusal(error)
            if refused is not None and self._refused is not None:
                if not self._refused.done():
                    self._refused.set_result(refused)
                return
            if isinstance(error, ssl.SSLCertVerificationError):
                # The client now waits for ever for the end of a connection that never was.
                self._escalate(f"{refused}")
                return
            if is_not_permitted(error):
                self._not_permitted.add(str(error))
            elif refused is not None:
                # Somebody may be at it: secrets are changed on one side first.
                logger.warning("nats.refused", extra={"error": refused, "mend": "still trying"})
            else:
                text = str(error) or type(error).__name__
                logger.warning("nats.error", extra={"error": text})
            if not self.connected:
                self._back_off()
        except Exception:
            logger.exception("nats.error_callback_failed")

    def _back_off(self) -> None:
        """Wait longer before the next attempt; the client waits as long as its option says."""
        self._wait_s = min(self._wait_s * 2, _RECONNECT_WAIT_MAX_S)
        wait_s = self._wait_s * (1.0 - self._random.random() / 2.0)
        self.client.pause_before_reconnect(wait_s)

    async def _on_disconnected(self) -> None:
        if self._closing:
            return
        logger.warning("nats.disconnected")
        for listener in self.on_disconnected:
            listener()

    async def _on_reconnected(self) -> None:
        logger.info("nats.reconnected")
        # The client has flushed: what the server had to say of our account is read.
        self.client.forget_former_limit()
        self._wait_s = _RECONNECT_WAIT_INITIAL_S
        self.client.pause_before_reconnect(self._wait_s)
        for listener in self.on_reconnected:
            listener()

    async def _on_closed(self) -> None:
        if not self._closing:
            self._escalate(f"the NATS connection was closed for good: {self.client.last_error}")


def _tell_dropped(total: int, subject: str) -> None:
    logger.critical("message.dropped", extra={"subject": subject, "dropped": total})


def _tell_not_permitted(total: int, error: str) -> None:
    logger.warning(
        "nats.not_permitted",
        extra={"error": error, "times": total, "mend": "permit it: see docs/security.md"},
    )
