"""Core NATS: a queue subscription, at most once, with an answer for producers that ask."""

from __future__ import annotations

import asyncio
import itertools
import logging
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nats.aio.msg import Msg
from nats.errors import Error as NatsError

from actors.rules.positions import Place
from bus.connection.access import TooManySubscriptionsError
from bus.wire.contexts import HEADER, sound
from bus.wire.message import Message

if TYPE_CHECKING:
    from nats.aio.subscription import Subscription

    from bus.connection.connection import Connection
    from bus.inbound.intake import Intake
    from bus.settings import BusSettings

logger = logging.getLogger("bus.core")

_arrivals = itertools.count(1)


@dataclass
class NumberedMsg(Msg):
    """A message that knows its place among those of other subscriptions.

    nats-py has a queue and a task for each subscription, and an event that came before a digest
    request must not be handled after it. It is numbered as it is read from the connection.
    """

    arrival: int = field(default_factory=_arrivals.__next__)


class QueueConsumer:
    """Takes both subjects as one queue group's member. Runs on the bus's event loop.

    With the window full it stops taking; what then exceeds the subscription's own queue is
    dropped, counted and logged at CRITICAL: core NATS keeps nothing.
    """

    def __init__(self, connection: Connection, settings: BusSettings, intake: Intake) -> None:
        """Prepare; ``start`` subscribes."""
        self._connection = connection
        self._settings = settings
        self._intake = intake
        self._subscriptions: list[Subscription] = []
        self._arrived: list[tuple[int, Message]] = []
        # Nothing is delivered again, but a user that is reloaded applies again what it had not
        # saved for certain, and must recognise a request that it had answered: arrivals are
        # places in a log that this process alone has.
        self._log = f"core.{secrets.token_hex(8)}"
        self._flush_scheduled = False
        self._paused = False
        self._room = asyncio.Event()
        self._room.set()

    async def start(self) -> None:
        """Subscribe; raises ``TooManySubscriptionsError`` when the server refuses."""
        client = self._connection.client
        refused = client.refused_subscriptions
        client.msg_class = NumberedMsg
        for subject in self._settings.subjects.inputs:
            self._subscriptions.append(
                await client.subscribe(
                    subject,
                    queue=self._settings.queue_group,
                    cb=self._on_message,
                    pending_msgs_limit=self._settings.max_in_flight,
                )
            )
        await client.flush()
        if client.refused_subscriptions != refused:
            raise TooManySubscriptionsError

    @property
    def untaken(self) -> int:
        """Messages that wait in the subscriptions' own queues."""
        return sum(subscription.pending_msgs for subscription in self._subscriptions)

    @property
    def pulling(self) -> bool:
        """Whether it is subscribed."""
        return bool(self._subscriptions) and not self._paused

    def pause(self) -> None:
        """Take nothing, and keep what comes, until ``resume``."""
        self._paused = True
        self._room.clear()

    def resume(self) -> None:
        """Go on where it was paused."""
        if self._paused:
            self._paused = False
            self._room.set()

    async def give_up(self) -> None:
        """Unsubscribe, and leave what was kept since the pause: others have it."""
        for subscription in self._subscriptions:
            try:
                await subscription.unsubscribe()
            except NatsError as error:
                logger.debug("unsubscribe.failed", extra={"error": repr(error)})
        self._subscriptions.clear()

    async def stop_pulling(self) -> None:
        """Unsubscribe, and take what has already arrived."""
        self.resume()
        self._room.set()
        for subscription in self._subscriptions:
            try:
                await subscription.drain()
            except NatsError as error:
                logger.debug("drain.failed", extra={"error": repr(error)})
        self._flush()

    async def close(self) -> None:
        """Have the last answers written."""

    def settle(self, messages: list[Message], rejection: str | None) -> None:
        """Answer those who asked, and take more."""
        answer = b"+OK" if rejection is None else f"-ERR {rejection}".encode()
        for message in messages:
            if message.reply:
                self._connection.write(message.reply, answer)
        if self._has_room():
            self._room.set()

    def _has_room(self) -> bool:
        if self._paused:
            return False
        return len(self._arrived) < self._intake.room and self._intake.room_bytes > 0

    async def _on_message(self, msg: Msg) -> None:
        while not self._has_room():
            self._room.clear()
            await self._room.wait()
        arrival = msg.arrival if isinstance(msg, NumberedMsg) else next(_arrivals)
        context = sound(msg.headers.get(HEADER)) if msg.headers else None
        place = Place(arrival, 0, self._log)
        message = Message(msg.subject, msg.data, msg.reply, place, context)
        self._arrived.append((arrival, message))
        if not self._flush_scheduled:
            # Behind the other subscription's task, which this turn of the loop also runs.
            self._flush_scheduled = True
            asyncio.get_running_loop().call_soon(self._flush)

    def _flush(self) -> None:
        self._flush_scheduled = False
        arrived, self._arrived = self._arrived, []
        arrived.sort(key=lambda numbered: numbered[0])
        if arrived:
            self._intake.take([message for _, message in arrived])
