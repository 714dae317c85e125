"""Nudges: instances tell each other over core NATS that something has changed. Hints, no more."""

from __future__ import annotations

import asyncio
import logging
import secrets
from typing import TYPE_CHECKING

from nats.errors import Error as NatsError

if TYPE_CHECKING:
    from collections.abc import Callable

    from nats.aio.msg import Msg
    from nats.aio.subscription import Subscription

    from bus.connection.connection import Connection

logger = logging.getLogger("bus.nudges")

NUDGED_AT_MOST_EVERY_S = 0.05
"""Twenty a second, however much changes here and however often others nudge."""


class Paced:
    """Does something at once when it is wanted, but never twice within a while.

    What is wanted meanwhile is done at the while's end, once. Runs on the event loop.
    """

    def __init__(self, action: Callable[[], None], every_s: float) -> None:
        """Do ``action``, at the most every ``every_s``."""
        self._action = action
        self._every_s = every_s
        self._timer: asyncio.TimerHandle | None = None
        self._wanted = False

    def want(self) -> None:
        """Do it now, or as soon as may be."""
        if self._timer is not None:
            self._wanted = True
            return
        self._timer = asyncio.get_running_loop().call_later(self._every_s, self._over)
        self._action()

    def _over(self) -> None:
        self._timer = None
        if self._wanted:
            self._wanted = False
            self.want()

    def cancel(self) -> None:
        """Do it no more."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer, self._wanted = None, False


class NatsNudging:
    """Nudges over a subject of the deployment's. Runs on the bus's event loop; see ``Nudging``."""

    def __init__(self, connection: Connection, subject: str, on_nudge: Callable[[], None]) -> None:
        """Prepare; ``on_nudge`` is called, at a bounded rate, when another instance nudges."""
        self._connection = connection
        self._subject = subject
        self._me = secrets.token_hex(8).encode()
        self._sending = Paced(self._send, NUDGED_AT_MOST_EVERY_S)
        self._hearing = Paced(on_nudge, NUDGED_AT_MOST_EVERY_S)
        self._subscription: Subscription | None = None

    async def start(self) -> None:
        """Begin to listen; the connection must be open."""
        self._subscription = await self._connection.client.subscribe(self._subject, cb=self._hear)

    async def close(self) -> None:
        """Listen and nudge no more."""
        self._sending.cancel()
        subscription, self._subscription = self._subscription, None
        if subscription is not None:
            try:
                await subscription.unsubscribe()
            except NatsError as error:
                logger.debug("nudges.not_closed", extra={"error": repr(error)})
        self._hearing.cancel()

    def nudge(self) -> None:
        """See ``Nudging``."""
        self._sending.want()

    def _send(self) -> None:
        # What cannot go out now is of no use later: the others look by themselves before.
        if self._connection.connected:
            self._connection.write(self._subject, self._me)

    async def _hear(self, message: Msg) -> None:
        # A blank is in what they tell each other besides: see ``bus.ways``.
        if message.data != self._me and b" " not in message.data:
            self._hearing.want()
