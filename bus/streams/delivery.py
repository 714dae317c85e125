"""Choosing the way of delivery: JetStream with its streams ready, or core NATS without.

Core NATS delivers at most once: nobody is to get it because JetStream was out of reach for a
moment. It is chosen only on the word of a server, that it has no JetStream or our account has not,
said several times in a row: what a server says while it starts is not its last word.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import TYPE_CHECKING

from nats.errors import Error as NatsError
from nats.js.errors import APIError

from bus.connection.access import TooManySubscriptionsError
from bus.errors import BusSetupError
from bus.settings import DeliveryMode
from bus.streams.api import TIMEOUT_S, describe, is_passing, lack_of, stream_of
from bus.streams.topology import ensure_topology

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from bus.connection.client.client import NatsClient
    from bus.connection.connection import Connection
    from bus.inbound.queue_subscription import QueueConsumer
    from bus.settings import BusSettings
    from bus.streams.api import Lack
    from bus.streams.topology import Topology
    from bus.subjects import Subjects

logger = logging.getLogger("bus")

_SETUP_RETRY_S = 1.0
LOOKED_EVERY_S = 10.0
"""An account may be given JetStream while we are connected, and nobody says so."""
_SETTLED_WITHIN_S = 5.0
"""What was taken over core NATS is settled for so long before the service ends for JetStream."""
_SAID_TIMES = 3
"""In a row, that there is no JetStream; only then it is believed."""


async def choose_delivery(
    client: NatsClient,
    settings: BusSettings,
    agreed: Callable[[], Awaitable[None]],
    waits: Callable[[str], None],
) -> Topology | None:
    """Return what JetStream has ready for us, or None for core NATS.

    Waits for a JetStream that is not ready, and tells ``waits`` why; where there is one, for
    ``agreed`` before streams are made. Raises ``BusSetupError`` where waiting is no use.
    """
    if settings.delivery is DeliveryMode.CORE:
        return None
    said, before = 0, None
    while True:
        try:
            await _ask(client, settings.subjects.alarm_status_changed)
            await agreed()
            return await ensure_topology(client, settings)
        except NatsError as error:
            if client.refused_subscriptions:
                raise TooManySubscriptionsError from error  # answers do not reach us
            if isinstance(error, APIError) and not is_passing(error):
                message = (
                    f"INPUT_STREAM: the server refused the streams: "
                    f"{error.description} (code {error.err_code})"
                )
                raise BusSetupError(message) from error
            lack = lack_of(client, error)
            said = said + 1 if lack is not None and lack == before else int(lack is not None)
            before = lack
            if lack is not None and said >= _SAID_TIMES:
                _go_without(lack, settings, error)
                return None
            text = describe(error)
            waits(f"JetStream is not ready: {text}")
            logger.warning("jetstream.not_ready", extra={"error": text})
        await asyncio.sleep(_SETUP_RETRY_S)


class JetStreamWatch:
    """Ends a service on core NATS once there is a JetStream, for a restart to take that way.

    What a stream captures is answered by who reads it: after a reconnect nothing is taken until it
    is known that there is still none. Runs on the bus's event loop.
    """

    def __init__(
        self,
        connection: Connection,
        subjects: Subjects,
        queue: QueueConsumer,
        drained: Callable[[], Awaitable[None]],
        end: Callable[[str], None],
    ) -> None:
        """Prepare; ``end`` ends the process."""
        self.trouble: str | None = None
        """What keeps the service from taking messages; None while nothing does."""
        self._connection = connection
        self._subject = subjects.alarm_status_changed
        self._queue = queue
        self._drained = drained
        self._end = end
        self._soon = asyncio.Event()

    def start(self) -> None:
        """Look now and then, and after each reconnect."""
        self._connection.on_disconnected.append(self._queue.pause)
        self._connection.on_reconnected.append(self._soon.set)
        self._connection.tasks.start("jetstream watch", self._run())

    async def _run(self) -> None:
        while not await self._is_there():
            with suppress(TimeoutError):
                await asyncio.wait_for(self._soon.wait(), LOOKED_EVERY_S)
            self._soon.clear()
        self.trouble = "there is a JetStream by now: a restart takes that way"
        logger.warning("bus.jetstream_is_there", extra={"mend": "nothing: the service starts anew"})
        await self._queue.give_up()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._drained(), _SETTLED_WITHIN_S)
        self._end(self.trouble)
        await asyncio.Event().wait()  # that it is told is the end of its work, not of the task

    async def _is_there(self) -> bool:
        try:
            await _ask(self._connection.client, self._subject)
        except NatsError as error:
            if lack_of(self._connection.client, error) is not None:
                self._queue.resume()
                self.trouble = None
            else:
                self.trouble = f"whether there is a JetStream is not known: {describe(error)}"
                asyncio.get_running_loop().call_later(_SETUP_RETRY_S, self._soon.set)
            return False
        return True


async def _ask(client: NatsClient, subject: str) -> None:
    """See whether there is a JetStream; raises ``nats.errors.Error`` where there is none."""
    await stream_of(client.jetstream(timeout=TIMEOUT_S), subject)


def _go_without(lack: Lack, settings: BusSettings, error: NatsError) -> None:
    if settings.delivery is DeliveryMode.JETSTREAM:
        message = f"DELIVERY: jetstream is asked for, {lack.who}; {lack.mend}"
        raise BusSetupError(message) from error
    logger.warning(
        "bus.without_jetstream",
        extra={"reason": lack.who, "mend": f"{lack.mend}: core NATS delivers at most once"},
    )
