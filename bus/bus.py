"""NatsBus: everything between the actors and NATS, in the order it starts and stops."""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

from nats.errors import Error as NatsError
from nats.errors import NoRespondersError
from nats.errors import TimeoutError as NatsTimeoutError
from nats.js.errors import APIError, ServiceUnavailableError

from bus.connection.connection import Connection
from bus.errors import BusSetupError
from bus.inbound.crossing import Crossing
from bus.inbound.intake import Intake
from bus.inbound.jetstream import PullConsumer
from bus.inbound.lag import Lag
from bus.inbound.queue_subscription import QueueConsumer
from bus.outbound.sending import DeadLetterSender, DigestSender
from bus.outbound.transports import FlushedTransport, ProvedTransport
from bus.settings import DeliveryMode
from bus.spans import NoSpans
from bus.status import BusStatus
from bus.streams.mending import StreamMender
from bus.streams.topology import Topology, ensure_topology
from bus.tally import BusTally

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

    from nats.aio.client import Client

    from actors.messages.router import RouteDeliveries
    from bus.inbound.intake import Message
    from bus.settings import BusSettings
    from bus.spans import Spans

logger = logging.getLogger("bus")

_SETUP_RETRY_S = 1.0


class NatsBus:
    """The bus on a real server. Runs on the event loop; ``crossing`` is for other threads."""

    def __init__(
        self,
        settings: BusSettings,
        random: Random,
        deliver: Callable[[RouteDeliveries], None],
        escalate: Callable[[str], None],
        spans: Spans | None = None,
    ) -> None:
        """Prepare, on the loop; ``deliver`` hands a batch to the router.

        ``escalate`` is called when the bus cannot go on. Raises ``SettingsError``.
        """
        self._settings = settings
        self._deliver = deliver
        self._escalate = escalate
        self._spans = spans or NoSpans()
        self._connection = Connection(settings, random, escalate)
        self._connection.on_reconnected.append(self._count_reconnect)
        self.tally = BusTally()
        self._lag = Lag(time.time())
        self.crossing = Crossing(asyncio.get_running_loop())
        self._consumer: PullConsumer | QueueConsumer | None = None
        self._transport: ProvedTransport | FlushedTransport
        self._intake: Intake | None = None
        self._opened = AsyncExitStack()
        self.mode = settings.delivery

    @property
    def client(self) -> Client:
        """The connection, for those who serve beside the messages; theirs is what they close."""
        return self._connection.client

    @property
    def in_flight(self) -> int:
        """Messages taken and not settled."""
        return 0 if self._intake is None else self._intake.size

    def status(self) -> BusStatus:
        """Return how the bus stands now."""
        lag = self._lag
        return BusStatus(
            connected=self._connection.connected,
            pulling=self._consumer is not None and self._consumer.pulling,
            in_flight=self.in_flight,
            dropped=self._connection.slow_consumer_drops,
            waiting=lag.waiting,
            behind_s=lag.behind_s(time.time()),
            last_taken_at_s=lag.last_taken_at_s,
        )

    async def look_behind(self) -> None:
        """Find out how far we are behind; at the most a question to the server. Never raises."""
        consumer = self._consumer
        if not isinstance(consumer, PullConsumer):
            return
        if self._lag.look(self.tally.last_reply, time.time()) or not self._connection.connected:
            return
        try:
            self._lag.learn(await consumer.waiting(), time.time())
        except (NatsError, APIError) as error:
            logger.debug("lag.unknown", extra={"error": repr(error)})

    async def open(self) -> None:
        """Connect, choose the way of delivery, find or create streams and consumer.

        Waits for a server that is not there; raises ``SettingsError`` where waiting is no use.
        """
        await self._connection.open()
        topology = await self._choose_delivery()
        if topology is None:
            self.mode = DeliveryMode.CORE
            self._transport = FlushedTransport(self._connection)
        else:
            self.mode = DeliveryMode.JETSTREAM
            mender = StreamMender(self._connection, self._settings)
            self._opened.push_async_callback(mender.close)
            self._transport = ProvedTransport(self._connection, mender.mend_soon)
        self._opened.push_async_callback(self._transport.close)
        await self._transport.start()
        subjects = self._settings.subjects
        dead_letters = DeadLetterSender(self._transport, subjects, time.time, self.tally)
        intake = self._intake = Intake(
            subjects,
            self._settings.max_body_bytes,
            self._deliver,
            dead_letters.send,
            self._settle,
            self.tally,
            spans=self._spans,
        )
        self.crossing.connect(intake, DigestSender(self._transport, subjects, self._spans))
        consumer: PullConsumer | QueueConsumer
        if topology is None:
            consumer = QueueConsumer(self._connection, self._settings, intake)
        else:
            consumer = PullConsumer(
                self._connection, self._settings, topology, intake, self._escalate, self.tally
            )
        self._consumer = consumer
        self._opened.push_async_callback(consumer.close)
        logger.info("bus.opened", extra={"delivery": str(self.mode)})

    async def start(self) -> None:
        """Begin to take messages; the actors must be there."""
        assert self._consumer is not None
        await self._consumer.start()

    async def stop_pulling(self) -> None:
        """Take no more messages."""
        assert self._consumer is not None
        await self._consumer.stop_pulling()

    async def drained(self) -> None:
        """Return once every message that was taken is settled."""
        while self.in_flight:  # noqa: ASYNC110  # an event would cost every message
            await asyncio.sleep(0.01)

    async def close(self) -> None:
        """Prove the last acknowledgement and close, however far ``open`` came."""
        await self._connection.written()
        await self._opened.aclose()
        await self._connection.close()

    def _settle(self, messages: list[Message], rejection: str | None) -> None:
        assert self._consumer is not None
        self._consumer.settle(messages, rejection)

    def _count_reconnect(self) -> None:
        self.tally.reconnects += 1

    async def _choose_delivery(self) -> Topology | None:
        """Return what JetStream has ready for us, or None for core."""
        if self._settings.delivery is DeliveryMode.CORE:
            return None
        js = self._connection.client.jetstream()
        while True:
            try:
                return await ensure_topology(js, self._settings)
            except (NoRespondersError, ServiceUnavailableError, NatsTimeoutError) as error:
                if not self._server_has_jetstream():
                    if self._settings.delivery is DeliveryMode.JETSTREAM:
                        message = "DELIVERY: jetstream is asked for, the server has it disabled"
                        raise BusSetupError(message) from error
                    logger.warning(
                        "bus.without_jetstream",
                        extra={"mend": "enable JetStream: core NATS delivers at most once"},
                    )
                    return None
                logger.warning("jetstream.not_ready", extra={"error": repr(error)})
            except APIError as error:
                if error.code is not None and error.code < 500:
                    message = (
                        f"INPUT_STREAM: the server refused the streams or the consumer: "
                        f"{error.description} (code {error.err_code})"
                    )
                    raise BusSetupError(message) from error
                logger.warning("jetstream.not_ready", extra={"error": repr(error)})
            except NatsError as error:
                logger.warning("jetstream.not_ready", extra={"error": repr(error)})
            await asyncio.sleep(_SETUP_RETRY_S)

    def _server_has_jetstream(self) -> bool:
        # Only the server's greeting tells a server without JetStream from one not ready yet.
        greeting = self._connection.client._server_info  # noqa: SLF001  # no public way
        return bool(greeting.get("jetstream", False))
