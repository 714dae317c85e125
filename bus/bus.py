"""NatsBus: everything between the actors and NATS, in the order it starts and stops."""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

from bus.connection.connection import LAST_WRITES_S, Connection
from bus.connection.floods import FloodLog
from bus.inbound.intake import BODIES_MAX_BYTES, Intake
from bus.inbound.lag import Lag
from bus.inbound.log_reader import LogReader
from bus.inbound.queue_subscription import QueueConsumer
from bus.inbound.stream.captures import Captures
from bus.inbound.stream.source import StreamSource
from bus.nudges import NatsNudging
from bus.outbound.core import FlushedTransport
from bus.outbound.dead_letters import DeadLetterSender, Share
from bus.outbound.digests import DigestSender
from bus.outbound.jetstream import ProvedTransport
from bus.outbound.rejection_log import RejectionLog
from bus.settings import DeliveryMode
from bus.spans import NoSpans
from bus.status import BusStatus
from bus.streams.delivery import JetStreamWatch
from bus.streams.limits import StreamLimits
from bus.streams.mending import StreamMender
from bus.streams.purge import Purger
from bus.tally import BusTally
from bus.ways import Ways

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from random import Random

    from actors.errors import PublishFailedError
    from actors.messages.router import RouteDeliveries
    from actors.ports import DeliveryToken, Nudging
    from actors.rejections import Rejection
    from actors.rules.digest import Digest
    from actors.rules.partitions import InstanceID
    from actors.rules.positions import Place
    from bus.connection.client.client import NatsClient
    from bus.settings import BusSettings
    from bus.spans import Spans
    from bus.streams.purge import PositionsStore
    from bus.wire.message import Message

logger = logging.getLogger("bus")


class NatsBus:
    """The bus on a real server: ``Acknowledger``, ``DigestPublisher``. Runs on the event loop."""

    def __init__(
        self,
        settings: BusSettings,
        random: Random,
        deliver: Callable[[RouteDeliveries], None],
        fell: Callable[[Mapping[int, Place]], None],
        escalate: Callable[[str], None],
        spans: Spans | None = None,
    ) -> None:
        """Prepare, on the loop; ``deliver`` hands a batch to the router.

        ``fell`` is told of partitions that are read from below their position: see ``LogReader``.
        ``escalate`` is called when the bus cannot go on. Raises ``SettingsError``.
        """
        self._settings = settings
        self._deliver = deliver
        self._fell = fell
        self._escalate = escalate
        self._spans = spans or NoSpans()
        self._connection = Connection(settings, random, escalate)
        self.tally = BusTally()
        self._connection.on_reconnected.append(self.tally.count_reconnect)
        self._lag = Lag(time.time())
        self._reader: LogReader | None = None
        self._queue: QueueConsumer | None = None
        self._transport: ProvedTransport | FlushedTransport
        self._digests: DigestSender
        self._intake: Intake
        self._letters: DeadLetterSender
        self._mender: StreamMender
        self._captures = Captures(settings.subjects)
        self._rejected = RejectionLog()
        self._letters_retried = FloodLog(_tell_letter_retried)
        self._is_open = self._asks_soon = False
        self._watch: JetStreamWatch | None = None
        self._trouble: str | None = None
        self._opened = AsyncExitStack()
        self.mode = settings.delivery

    @property
    def client(self) -> NatsClient:
        """The connection, for those who serve beside the messages; theirs is what they close."""
        return self._connection.client

    @property
    def log(self) -> LogReader | None:
        """What reads the log, on JetStream; None on core NATS. Known once ``open`` has returned."""
        return self._reader

    @property
    def in_flight(self) -> int:
        """Messages taken and not settled."""
        return self._intake.size if self._is_open else 0

    @property
    def untaken(self) -> int:
        """Messages of core NATS that have come and were not taken; they are lost with us."""
        return 0 if self._queue is None else self._queue.untaken

    def status(self) -> BusStatus:
        """Return how the bus stands now."""
        lag, reader, queue = self._lag, self._reader, self._queue
        taking = reader or self._watch
        trouble = self._connection.trouble or self._trouble or (taking.trouble if taking else None)
        return BusStatus(
            connected=self._connection.connected,
            pulling=reader.flows if reader else queue is not None and queue.pulling,
            in_flight=self.in_flight,
            dropped=self._connection.slow_consumer_drops,
            waiting=lag.waiting,
            behind_s=lag.behind_s(time.time()),
            last_taken_at_s=lag.last_taken_at_s,
            digests_refused=self._digests.refused if self._is_open else None,
            trouble=trouble,
            server=self._connection.server_name,
            answered_in_s=self._connection.answered_in_s,
            rejecting=self._letters.held if self._is_open else 0,
            refused=self._letters.refused if self._is_open else None,
        )

    async def look_behind(self) -> None:
        """Find out how far we are behind."""
        if self._reader is not None:
            self._lag.look(self._reader.place, self._reader.waiting, time.time())

    async def open(self) -> None:
        """Connect, choose the way of delivery, find or create the streams.

        Waits for a server that is not there; raises ``SettingsError`` where waiting is no use.
        """
        await self._connection.open()
        ways = Ways(self._connection, self._settings.nudge_subject)
        await ways.start()
        self._opened.push_async_callback(ways.close)
        topology = await ways.choose(self._settings, self._note_trouble)
        self._trouble = None
        self._mender = mender = StreamMender(self._connection, self._settings, topology)
        if topology is None:
            self.mode = DeliveryMode.CORE
            self._transport = FlushedTransport(self._connection)
        else:
            self.mode = DeliveryMode.JETSTREAM
            self._opened.push_async_callback(mender.close)
            limits = StreamLimits(self._connection, self._settings.subjects)
            self._transport = ProvedTransport(
                self._connection, mender.mend_soon, mender.look_soon, limits
            )
        self._opened.push_async_callback(self._transport.close)
        await self._transport.start()
        subjects = self._settings.subjects
        self._digests = DigestSender(self._transport, subjects, self._spans)
        self._letters = DeadLetterSender(
            self._transport,
            subjects,
            time.time,
            Share.of(self._settings.max_in_flight, BODIES_MAX_BYTES),
            self.tally,
            self._on_letters_refused,
            self._rejected.add,
        )
        self._intake = Intake(
            subjects,
            self._settings.max_body_bytes,
            self._settings.max_in_flight,
            self._deliver,
            self._letters,
            self._on_settled,
            self.tally,
            lambda: time.clock_gettime(time.CLOCK_BOOTTIME),  # the clock of the actors
            spans=self._spans,
            tell_foreign=self._captures.note,
            judge_foreign=self._captures.judge,
        )
        for counting in (self._captures, self._rejected, self._letters_retried):
            self._opened.callback(counting.close)
        if topology is None:
            queue = self._queue = QueueConsumer(self._connection, self._settings, self._intake)
            if self._settings.delivery is DeliveryMode.AUTO:
                of = self._connection, subjects, queue
                self._watch = JetStreamWatch(*of, self.drained, self._escalate)
            self._opened.push_async_callback(self._queue.close)
        else:
            await self._open_reader(topology.stream, mender)
        self._is_open = True
        logger.info("bus.opened", extra={"delivery": str(self.mode)})

    async def start(self) -> None:
        """Begin to take messages, on JetStream those of partitions gained; actors must be there."""
        if self._reader is not None:
            self._reader.start()
        if self._queue is not None:
            await self._queue.start()
            if self._watch is not None:
                self._watch.start()

    async def stop_pulling(self) -> None:
        """Take no more messages; what is in flight may still be settled."""
        if self._reader is not None:
            self._reader.close()
        if self._queue is not None:
            await self._queue.stop_pulling()

    async def drained(self) -> None:
        """Return once every message that was taken is settled."""
        while self.in_flight:  # noqa: ASYNC110  # an event would cost every message
            await asyncio.sleep(0.01)

    async def close(self) -> None:
        """Close, however far ``open`` came."""
        await self._connection.written(LAST_WRITES_S)
        await self._opened.aclose()
        await self._connection.close()

    @property
    def fill(self) -> float:
        """See ``Acknowledger``."""
        return self._intake.fill

    def acknowledge(self, tokens: Iterable[DeliveryToken]) -> None:
        """See ``Acknowledger``."""
        self._intake.settle(tokens)

    def dead_letter(self, tokens: Iterable[DeliveryToken], rejection: Rejection) -> None:
        """See ``Acknowledger``."""
        self._intake.dead_letter(tokens, rejection)

    def publish(
        self, digests: Sequence[Digest], settled: Callable[[PublishFailedError | None], None]
    ) -> None:
        """See ``DigestPublisher``."""
        self._digests.send(digests, settled)

    async def join(
        self, store: PositionsStore, me: InstanceID, on_nudge: Callable[[], None]
    ) -> Nudging:
        """Be one of several instances on the log: hear their nudges, and purge if it is our turn.

        ``on_nudge`` is called when another one says that something has changed.
        """
        nudging = NatsNudging(self._connection, self._settings.nudge_subject, on_nudge)
        await nudging.start()
        self._opened.push_async_callback(nudging.close)
        history_s = self._settings.streams.input_history_s
        purger = Purger(self.client, store, me, lambda: self._mender.known, history_s)
        self._connection.tasks.start("purge", purger.run())
        return nudging

    async def _open_reader(self, stream: str, mender: StreamMender) -> None:
        looked = mender.mend_soon, self._captures
        source = StreamSource(self._connection, stream, self.tally, *looked)
        await source.open()
        self._opened.callback(source.close)
        self._reader = LogReader(source, self._intake, self.tally, self._fell)
        self._opened.callback(self._reader.close)

    def _note_trouble(self, trouble: str) -> None:
        self._trouble = trouble

    def _on_settled(self, messages: list[Message], rejection: str | None) -> None:
        """Answer those who wait for it, and take what there is room for again."""
        if self._queue is not None:
            self._queue.settle(messages, rejection)
        else:
            self._ask_soon()

    def _on_letters_refused(self, error: str) -> None:
        self._letters_retried.add(error)
        self._ask_soon()

    def _ask_soon(self) -> None:
        if not self._asks_soon:
            # Saves are settled one by one, many in a turn of the loop.
            self._asks_soon = True
            asyncio.get_running_loop().call_soon(self._ask_for_more)

    def _ask_for_more(self) -> None:
        self._asks_soon = False
        if self._reader is not None:
            self._reader.ask_for_more()


def _tell_letter_retried(total: int, error: str) -> None:
    logger.warning("dead_letter.retried", extra={"error": error, "total": total})
