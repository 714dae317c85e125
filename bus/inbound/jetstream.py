"""JetStream: a continuous pull, acknowledgements in bursts."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from typing import TYPE_CHECKING

import orjson
from nats.errors import Error as NatsError
from nats.js.errors import APIError, NotFoundError

from actors.runtime.tuples import new_tuple
from bus.connection.lanes import parse_status
from bus.errors import BusSetupError
from bus.inbound.intake import Intake, Message
from bus.streams.topology import Topology, ensure_consumer, ensure_topology
from bus.tally import BusTally
from bus.wire.contexts import context_in

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from nats.aio.subscription import Subscription

    from bus.connection.connection import Connection
    from bus.connection.lanes import Frame
    from bus.settings import BusSettings

logger = logging.getLogger("bus.jetstream")

BATCH = 4000
"""Messages asked for at a time at the most."""
EXPIRES_S = 30.0
IDLE_HEARTBEAT_S = 5.0
BURST_GAP_S = 0.05
BURST_MAX_S = 1.0
REFUSED_WAIT_INITIAL_S = 0.1
REFUSED_WAIT_MAX_S = 2.0

_TOKENS_OF_PLAIN_ADDRESS = 9

_IN_PROGRESS = b"+WPI"
_ACKNOWLEDGE = b"+ACK"
_WPI_PER_TURN = 1000


def parse_ack_subject(reply: str) -> tuple[str, int, str]:
    """Return (identity, stream sequence, attempt) of a delivery's reply subject.

    ``$JS.ACK.<stream>.<consumer>.<delivered>.<stream seq>.<consumer seq>.<timestamp>.<pending>``;
    newer servers may put two tokens behind ACK and one at the end. The identity is sequence and
    timestamp: a broker that lost data hands out the same sequences again. Raises ``ValueError`` or
    ``IndexError`` for what is no such subject.
    """
    tokens = reply.split(".")
    if len(tokens) == _TOKENS_OF_PLAIN_ADDRESS:
        _, _, _, _, attempt, sequence, _, timestamp, _ = tokens
    else:
        at = 5 if len(tokens) < 11 else 7
        attempt, sequence, timestamp = tokens[at - 1], tokens[at], tokens[at + 2]
    if not timestamp.isdigit():
        raise ValueError(f"{reply!r} is not the address of a delivery")
    return f"{sequence}.{timestamp}", int(sequence), attempt


class PullConsumer:
    """Keeps pull requests open as long as the window has room. Runs on the bus's event loop.

    nats-py's own ``fetch`` asks for nothing while its caller works and cannot tell a deleted
    consumer from an empty stream; this has one inbox, one callback, and requests that overlap.
    """

    def __init__(
        self,
        connection: Connection,
        settings: BusSettings,
        topology: Topology,
        intake: Intake,
        escalate: Callable[[str], None],
        tally: BusTally | None = None,
    ) -> None:
        """Prepare; ``start`` begins to pull."""
        self._connection = connection
        self._settings = settings
        self._topology = topology
        self._intake = intake
        self._escalate = escalate
        self._tally = tally or BusTally()
        self._js = connection.client.jetstream()
        self._subscription: Subscription | None = None
        self._names = {name.encode(): name for name in settings.subjects.inputs}
        self._base = ""
        self._number = 0
        self._requests: OrderedDict[int, int] = OrderedDict()
        self._owed = 0
        self._pulling = False
        self._resetting = False
        self._reset_again = False
        self._question: asyncio.Task[Topology] | None = None
        self._refused_wait_s = REFUSED_WAIT_INITIAL_S
        self._pause: asyncio.TimerHandle | None = None
        self._heard = False
        self._last_settled = ""
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Begin to pull."""
        self._pulling = True
        self._connection.on_reconnected.append(self._on_reconnected)
        await self._open_inbox()
        tasks = self._connection.tasks
        tasks.start("pull watch", self._watch_heartbeat())
        tasks.start("in-progress reports", self._keep_in_progress())

    @property
    def pulling(self) -> bool:
        """Whether messages are asked for, or would be if the window had room."""
        return self._pulling and self._subscription is not None and self._pause is None

    async def waiting(self) -> int:
        """Ask the server how many messages nobody has been given; raises nats-py's errors."""
        topology = self._topology
        info = await self._js.consumer_info(topology.stream, topology.consumer, timeout=2)
        return info.num_pending or 0

    async def stop_pulling(self) -> None:
        """Ask for nothing more, and take what is on its way: else it would wait for ACK_WAIT."""
        self._pulling = False
        self._cancel_pause()
        await self._burst_is_over()
        await self._close_inbox(self._connection.client.drain_lane)

    async def close(self) -> None:
        """Make sure that the last acknowledgement has arrived, then end."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._last_settled and self._connection.connected:
            try:
                await self._connection.client.request(self._last_settled, _ACKNOWLEDGE, timeout=2)
            except NatsError as error:
                logger.warning("acknowledgement.unproved", extra={"error": repr(error)})

    def settle(self, messages: list[Message], rejection: str | None) -> None:
        """Acknowledge a burst and ask for more."""
        del rejection  # the dead letter says it
        self._write_each(messages, _ACKNOWLEDGE)
        self._last_settled = messages[-1].reply or self._last_settled
        self._ask_for_more()

    def _write_each(self, messages: list[Message], answer: bytes) -> None:
        """Answer each but those whose stream is gone."""
        replies = [reply for message in messages if (reply := message.reply)]
        self._connection.write_each(replies, answer)

    async def _open_inbox(self) -> None:
        self._base = self._connection.client.new_inbox()
        self._number = 0
        self._requests.clear()
        self._owed = 0
        self._heard = True
        self._subscription = await self._connection.client.open_lane(
            f"{self._base}.*", self._on_frames
        )
        self._ask_for_more()

    async def _burst_is_over(self) -> None:
        """Return when nothing comes: the server drops what it is just sending to a closed inbox."""
        for _ in range(round(BURST_MAX_S / BURST_GAP_S)):
            self._heard = False
            await asyncio.sleep(BURST_GAP_S)
            if not self._heard or not self._requests:
                return

    async def _close_inbox(self, close: Callable[[Subscription], Awaitable[None]]) -> None:
        subscription, self._subscription = self._subscription, None
        if subscription is None:
            return
        try:
            await close(subscription)
        except NatsError as error:
            logger.debug("unsubscribe.failed", extra={"error": repr(error)})

    def _ask_for_more(self) -> None:
        if not self._pulling or self._subscription is None or self._pause is not None:
            return
        if not self._intake.has_room:
            return
        room = self._settings.max_in_flight - self._intake.size - self._owed
        batch = min(room, BATCH)
        if self._owed >= BATCH // 2 or batch <= 0:
            return
        if self._owed and batch < self._settings.max_in_flight // 8:
            return  # not worth a request of its own while another is open
        self._number += 1
        self._requests[self._number] = batch
        self._owed += batch
        request = {
            "batch": batch,
            "expires": int(EXPIRES_S * 1e9),
            "idle_heartbeat": int(IDLE_HEARTBEAT_S * 1e9),
        }
        topology = self._topology
        self._connection.write(
            f"$JS.API.CONSUMER.MSG.NEXT.{topology.stream}.{topology.consumer}",
            orjson.dumps(request),
            f"{self._base}.{self._number}",
        )

    def _on_frames(self, frames: list[Frame]) -> None:
        self._heard = True
        arrived: list[Message] = []
        again = 0
        for subject, address, body, headers in frames:
            if not address:
                self._on_status(subject, headers)
                continue
            try:
                reply = address.decode()
                identity, sequence, attempt = parse_ack_subject(reply)
            except (ValueError, IndexError):
                # Not the server's: whoever else writes to our inbox must not cost us the others.
                logger.warning("delivery.malformed", extra={"reply": repr(address)})
                continue
            if attempt != "1":
                again += 1
            context = context_in(headers) if headers else None
            name = self._names.get(subject) or subject.decode(errors="replace")
            fields = (name, body, reply, identity, sequence, context)
            arrived.append(new_tuple(Message, fields))
        if arrived:
            self._count_arrivals(len(arrived))
            self._refused_wait_s = REFUSED_WAIT_INITIAL_S
            self._tally.redelivered += again
            self._tally.last_reply = arrived[-1].reply
            self._intake.take(arrived)
        self._ask_for_more()

    def _count_arrivals(self, count: int) -> None:
        """The server serves requests in order: the oldest is the one that was answered."""
        while count and self._requests:
            number, left = next(iter(self._requests.items()))
            served = min(count, left)
            count -= served
            self._owed -= served
            if served == left:
                del self._requests[number]
            else:
                self._requests[number] = left - served

    def _on_status(self, subject: bytes, headers: bytes) -> None:
        status, description = parse_status(headers)
        if status == "100":
            return
        number = int(subject.rpartition(b".")[2])
        left = self._requests.pop(number, None)
        if left is None:
            return
        self._owed -= left
        if status in ("404", "408"):
            return
        if status == "409" and "deleted" not in description.lower():
            if "push based" in description.lower():
                self._escalate(f"consumer {self._topology.consumer}: {description}")
                return
            self._pause_then(self._ask_for_more)
            return
        self._tally.pull_refusals += 1
        logger.warning("pull.refused", extra={"status": status, "description": description})
        self._pause_then(self._reset_soon)

    def _pause_then(self, action: Callable[[], None]) -> None:
        """Wait before asking again: a server that refuses at once would be asked in a hot loop."""
        if self._pause is not None:
            return

        def resume() -> None:
            self._pause = None
            action()

        self._pause = asyncio.get_running_loop().call_later(self._refused_wait_s, resume)
        self._refused_wait_s = min(self._refused_wait_s * 2, REFUSED_WAIT_MAX_S)

    def _cancel_pause(self) -> None:
        if self._pause is not None:
            self._pause.cancel()
            self._pause = None

    def _on_reconnected(self) -> None:
        """Begin anew; what a reset has asked over the old connection is not answered any more."""
        self._cancel_pause()
        self._refused_wait_s = REFUSED_WAIT_INITIAL_S
        self._reset_again = self._resetting
        if self._question is not None:
            self._question.cancel()
        self._reset_soon()

    def _reset_soon(self) -> None:
        if self._pulling and not self._resetting:
            self._resetting = True
            self._tasks.append(asyncio.create_task(self._reset()))

    async def _reset(self) -> None:
        """Open a new inbox: whether an old request is still served cannot be known."""
        self._tally.pull_resets += 1
        try:
            await self._begin_anew()
            while self._reset_again:
                self._reset_again = False
                await self._begin_anew()
        except BusSetupError as error:
            self._escalate(str(error))
        except (NatsError, APIError, OSError) as error:
            logger.warning("pull.reset_failed", extra={"error": repr(error)})
            self._pause_then(self._reset_soon)
        finally:
            self._resetting = self._reset_again = False
            self._tasks = [task for task in self._tasks if not task.done()]

    async def _begin_anew(self) -> None:
        await self._close_inbox(self._connection.client.close_lane)
        question = self._question = asyncio.create_task(self._ensure())
        try:
            await asyncio.wait([question])
        finally:
            self._question = None
            question.cancel()
        if question.cancelled():
            return
        topology = question.result()
        if topology.stream_created != self._topology.stream_created:
            # Their sequences are other messages' there, which these would acknowledge.
            self._intake.disown()
            self._last_settled = ""
        self._topology = topology
        if self._pulling:
            await self._open_inbox()

    async def _ensure(self) -> Topology:
        try:
            return await ensure_consumer(self._js, self._settings, self._topology.stream)
        except NotFoundError:
            logger.warning("stream.missing", extra={"stream": self._topology.stream})
            return await ensure_topology(self._js, self._settings)

    async def _watch_heartbeat(self) -> None:
        """Notice requests that vanished: no frame for two heartbeats while one is open."""
        silent_s = 0.0
        while True:
            await asyncio.sleep(IDLE_HEARTBEAT_S / 5)
            waits = self._pulling and self._requests and self._connection.connected
            silent_s = 0.0 if self._heard or not waits else silent_s + IDLE_HEARTBEAT_S / 5
            self._heard = False
            if silent_s > 2 * IDLE_HEARTBEAT_S:
                logger.warning("pull.silent", extra={"silent_s": round(silent_s, 1)})
                silent_s = 0.0
                self._reset_soon()

    async def _keep_in_progress(self) -> None:
        """Restart the server's timer of what is held long, so that it is not delivered again."""
        while True:
            before = self._intake.last_token
            await asyncio.sleep(self._topology.ack_wait_s / 3)
            held = self._intake.held_since(before)
            for start in range(0, len(held), _WPI_PER_TURN):
                some = held[start : start + _WPI_PER_TURN]
                self._write_each(some, _IN_PROGRESS)
                await asyncio.sleep(0)
