"""The connection to NATS: opening, staying connected, closing."""

from __future__ import annotations

import asyncio
import logging
import ssl
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from nats.errors import Error as NatsError
from nats.errors import SlowConsumerError

from actors.errors import SettingsError
from bus.connection.access import (
    MORE_SUBSCRIPTIONS,
    access_options,
    describe,
    is_not_permitted,
    is_too_many,
    refusal,
    within,
)
from bus.connection.client.client import BUFFER_BYTES, NatsClient
from bus.connection.floods import FloodLog
from bus.connection.reach import Reach
from bus.connection.tasks import LongTasks
from bus.connection.writing import OrderedWriter

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

    from bus.settings import BusSettings

logger = logging.getLogger("bus.connection")

_RECONNECT_WAIT_INITIAL_S = 0.1
_RECONNECT_WAIT_MAX_S = 2.0
"""What is whole again is answered within five seconds: a good part is left for the answer."""
PING_INTERVAL_S = 9
"""The client's own, as everywhere; a server that stands still is left long before three of them."""
CLIENT_WATCHED_EVERY_S = 0.5
ASKED_AFTER_S = 2.0
"""A server of which nothing came for so long is asked whether it is there,"""
SILENT_FOR_S = 6.0
"""and left when nothing came for so long. Its pings, the client's own, take half a minute; the
others of a cluster elect another leader in a few seconds."""
LAST_WRITES_S = 2.0
"""What is left is written at a stop for so long."""


class Connection:
    """A NATS connection that comes back by itself. Everything runs on the bus's event loop."""

    def __init__(
        self, settings: BusSettings, random: Random, escalate: Callable[[str], None]
    ) -> None:
        """Prepare; ``open`` connects. ``escalate`` is called when the connection is lost for good.

        Raises ``SettingsError`` for files that are not there or not what they should be.
        """
        self.client = NatsClient()
        self.trouble: str | None = None
        """Why there is no connection, as far as is known; None while there is one."""
        self._dropped = FloodLog(_tell_dropped)
        self._not_permitted = FloodLog(_tell_not_permitted)
        self._too_many = FloodLog(_tell_too_many)
        self.on_reconnected: list[Callable[[], None]] = []
        self.on_disconnected: list[Callable[[], None]] = []
        self._settings = settings
        self._random = random
        self._escalate = escalate
        self._opening = False
        self._closing = False
        self._refused: asyncio.Future[str] | None = None
        self._wait_s = _RECONNECT_WAIT_INITIAL_S
        self._writer = writer = OrderedWriter(self.client)
        # Not methods that call them: each message passes here.
        self.write, self.write_all = writer.write, writer.write_all
        self.written = writer.written
        self.tasks = LongTasks(escalate)
        """Those of the bus that live as long as the connection."""
        self.reach = Reach()
        self.answered_in_s: float | None = None
        """How long the server took to answer the log's last question; None without one."""
        self._options = access_options(settings, self.client)

    @property
    def connected(self) -> bool:
        """Whether the server is there right now."""
        return self.client.is_connected

    @property
    def server_name(self) -> str:
        """What the server calls itself, or its address; empty before there was one."""
        greeting, url = self.client.greeting, self.client.connected_url
        name = str(greeting.get("server_name", ""))
        if name != greeting.get("server_id") or url is None:
            return name
        # Nobody has named it.
        return f"{url.hostname}:{url.port}"

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
        self.trouble = None
        self.client.try_others_first()
        await self._learn_limits()
        self._wait_s = _RECONNECT_WAIT_INITIAL_S
        self._refused = None
        self.tasks.start("nats writer", self._writer.run())
        self.tasks.start("nats client watch", self._watch_client())
        logger.info("nats.connected", extra={"server": str(self.client.connected_server_version)})

    async def close(self) -> None:
        """Write what is waiting and close, however far ``open`` came."""
        self._closing = True
        self._dropped.close()
        self._not_permitted.close()
        self._too_many.close()
        # A server that stands still takes nothing more: what is left is not worth the wait.
        flows = await self.written(LAST_WRITES_S)
        await self.tasks.close()
        if self.connected and flows:
            with suppress(NatsError, OSError):
                await self.client.flush(LAST_WRITES_S)  # type: ignore[arg-type]  # waits so long
        if self._opening:
            await self._close_client()

    async def _watch_client(self) -> None:
        """Notice a connection that is one in name only: without it we were deaf, or mute."""
        arrived, looks = -1, 0
        while True:
            await asyncio.sleep(CLIENT_WATCHED_EVERY_S)
            ended = await self.client.leave_if_deaf()
            if ended is not None:
                logger.error("nats.client_task_ended", extra={"task": ended})
            if self.reach.is_lost() and self.connected and len(self.client.servers) > 1:
                logger.warning(
                    "nats.jetstream_out_of_reach", extra={"server": self.client.last_tried}
                )
                await self.client.leave("JetStream is out of reach from there")
            if not self.connected or self.client.arrived_bytes != arrived:
                arrived, looks = self.client.arrived_bytes, 0
                continue
            # Counted in looks: a standstill of our own is no silence of the server's.
            looks += 1
            silent_s = looks * CLIENT_WATCHED_EVERY_S
            if silent_s == ASKED_AFTER_S:
                with suppress(NatsError, OSError, RuntimeError):
                    await asyncio.wait_for(self.client.ask_for_life(), CLIENT_WATCHED_EVERY_S)
            elif silent_s >= SILENT_FOR_S:
                logger.warning("nats.silent", extra={"silent_s": silent_s})
                await self.client.leave("nothing came from the server")

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

    async def _on_error(self, error: Exception) -> None:
        # Runs inside the client's read loop, which an exception would end without a word.
        try:
            if isinstance(error, SlowConsumerError):
                self._dropped.add(error.subject)
                return
            error = within(error)
            refused = refusal(error)
            if refused is not None and self._refused is not None:
                if not self._refused.done():
                    self._refused.set_result(refused)
                return
            if isinstance(error, ssl.SSLCertVerificationError):
                # The client now waits for ever for the end of a connection that never was.
                self._escalate(f"{refused}")
                return
            if refused is not None:
                # Somebody may be at it: secrets are changed on one side first.
                logger.warning("nats.refused", extra={"error": refused, "mend": "still trying"})
            else:
                refused = self._tell(error)
            if not self.connected:
                self.trouble = refused
                self._back_off()
        except Exception:
            logger.exception("nats.error_callback_failed")

    def _tell(self, error: Exception) -> str:
        """Log what the server, or the way to it, makes trouble with; return it in words."""
        text = str(error) or type(error).__name__
        if is_not_permitted(error):
            self._not_permitted.add(text)
        elif is_too_many(error):
            self._too_many.add(text)
        else:
            if not self.connected:
                text = f"{self.client.last_tried}: {describe(error)}"
            logger.warning("nats.error", extra={"error": text})
        return text

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
        self.trouble = None
        # The client has flushed: what the server had to say of our account is read.
        self.client.forget_former_limit()
        self._wait_s = _RECONNECT_WAIT_INITIAL_S
        self.client.pause_before_reconnect(self._wait_s)
        self.reach.begin_anew()
        for listener in self.on_reconnected:
            listener()

    async def _on_closed(self) -> None:
        if not self._closing:
            self._escalate(f"the NATS connection was closed for good: {self.client.last_error}")


def _tell_dropped(total: int, subject: str) -> None:
    logger.critical("message.dropped", extra={"subject": subject, "dropped": total})


def _tell_too_many(total: int, error: str) -> None:
    about = {"error": error, "refused": total, "mend": MORE_SUBSCRIPTIONS}
    logger.warning("nats.too_many_subscriptions", extra=about)


def _tell_not_permitted(total: int, error: str) -> None:
    logger.warning(
        "nats.not_permitted",
        extra={"error": error, "times": total, "mend": "permit it: see docs/security.md"},
    )
