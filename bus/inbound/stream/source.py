"""StreamSource: a JetStream stream as a log, over one inbox."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from actors.runtime.tuples import new_tuple
from bus.connection.client.lanes import number_at_end
from bus.connection.floods import FloodLog
from bus.inbound.log_source import LogFailure, LogMessage, LogMessages
from bus.inbound.stream.answers import (
    NO_MESSAGE,
    NO_STREAM,
    answer_in,
    consumer_in,
    state_of,
    timestamp_of,
)
from bus.inbound.stream.deliveries import PlainRun, parse_delivery
from bus.inbound.stream.questions import Addresses, Questions
from bus.inbound.stream.reading import HEARTBEAT_S, Allowed, StreamReading

if TYPE_CHECKING:
    from collections.abc import Callable

    from bus.connection.client.lanes import Frame
    from bus.connection.connection import Connection
    from bus.inbound.log_source import LogState, ReadingCallbacks
    from bus.inbound.stream.answers import Answer
    from bus.inbound.stream.captures import Captures
    from bus.tally import BusTally

logger = logging.getLogger("bus.stream")

_SILENCE_S = 2 * HEARTBEAT_S
_WATCH_S = HEARTBEAT_S / 5
_ENVELOPE_BYTES = 64 * 1024
"""Subjects and addresses, which the server counts as a message's too."""


class StreamSource:
    """See ``LogSource``. Runs on the bus's event loop."""

    def __init__(
        self,
        connection: Connection,
        stream: str,
        tally: BusTally,
        stream_missing: Callable[[], None],
        captures: Captures,
    ) -> None:
        """Prepare; ``open`` opens the inbox. ``stream_missing`` has the stream made again.

        ``captures`` is shown the stream's settings at each look.
        """
        self._captures = captures
        self._connection = connection
        self._stream = stream
        self._tally = tally
        self._stream_missing = stream_missing
        self._addresses = Addresses()
        self._questions = Questions(connection, self._addresses)
        self._pulls: dict[int, StreamReading] = {}
        self._readings: dict[StreamReading, bytes | None] = {}
        self._by_consumer: dict[bytes, StreamReading] = {}
        self._waiting: list[StreamReading] = []
        self._names: dict[bytes, str] = {}
        self._plain_run = PlainRun()
        self._strangers = FloodLog(_tell_stranger)
        self._refusals = FloodLog(_tell_refusal)
        self.allowed = Allowed()
        """What the server lets one ask for at a time."""

    async def open(self) -> None:
        """Begin to listen."""
        inbox = self._addresses.inbox = self._connection.client.new_inbox()
        await self._connection.client.open_lane(f"{inbox}.*", self._on_frames)
        self._connection.on_reconnected.append(self._on_reconnected)
        self._connection.tasks.start("log watch", self._watch())

    def close(self) -> None:
        """End all readings, and have their consumers deleted."""
        for reading in list(self._readings):
            reading.end()
        self._strangers.close()
        self._refusals.close()

    @property
    def largest_bytes(self) -> int:
        """See ``ReadingOwner``."""
        return self._connection.client.max_payload + _ENVELOPE_BYTES

    def state(self, answer: Callable[[LogState | LogFailure], None]) -> None:
        """See ``LogSource``."""

        def answered(said: Answer) -> None:
            answer(self._failure(said) or self._captures.look(said) or state_of(said))

        self._questions.ask(f"$JS.API.STREAM.INFO.{self._stream}", None, answered)

    def timestamp(self, sequence: int, answer: Callable[[int | LogFailure | None], None]) -> None:
        """See ``LogSource``."""

        def answered(said: Answer) -> None:
            if said.get("error", {}).get("err_code") == NO_MESSAGE:
                answer(None)
            else:
                answer(self._failure(said) or timestamp_of(said))

        self._questions.ask(f"$JS.API.STREAM.MSG.GET.{self._stream}", {"seq": sequence}, answered)

    def begin(self, after: int, callbacks: ReadingCallbacks) -> StreamReading:
        """See ``LogSource``. Without a connection it begins once there is one."""
        reading = StreamReading(self, after, callbacks)
        self._readings[reading] = None
        if self._connection.connected:
            self._make_consumer(reading)
        else:
            self._waiting.append(reading)
        return reading

    def call_later(self, delay_s: float, action: Callable[[], None]) -> None:
        """See ``LogSource``."""
        asyncio.get_running_loop().call_later(delay_s, action)

    def request(self, reading: StreamReading, consumer: str, body: bytes) -> int:
        """See ``ReadingOwner``."""
        number, address = self._addresses.take()
        self._pulls[number] = reading
        subject = f"$JS.API.CONSUMER.MSG.NEXT.{self._stream}.{consumer}"
        self._connection.write(subject, body, address)
        return number

    def served(self, request: int) -> None:
        """See ``ReadingOwner``."""
        self._pulls.pop(request, None)

    def over(self, reading: StreamReading, consumer: str | None) -> None:
        """See ``ReadingOwner``."""
        self._readings.pop(reading, None)
        self._pulls = {number: one for number, one in self._pulls.items() if one is not reading}
        if reading in self._waiting:
            self._waiting.remove(reading)
        if consumer is not None:
            self._by_consumer.pop(consumer.encode(), None)
            self._delete(consumer)

    def note_status(self, status: str, description: str) -> None:
        """See ``ReadingOwner``."""
        if status in ("404", "408"):
            logger.debug("pull.over", extra={"status": status, "description": description})
        else:
            self._tally.pull_refusals += 1
            self._refusals.add(f"{status} {description}")

    def _delete(self, consumer: str) -> None:
        self._questions.ask(
            f"$JS.API.CONSUMER.DELETE.{self._stream}.{consumer}", None, lambda _: None
        )

    def _make_consumer(self, reading: StreamReading) -> None:
        config = {
            "description": "alarm digest service: reads the log",
            "ack_policy": "none",
            "deliver_policy": "by_start_sequence",
            "opt_start_seq": reading.after + 1,
            "replay_policy": "instant",
            "mem_storage": True,
            "num_replicas": 1,
            "inactive_threshold": int(self.allowed.inactive_s * 1e9),
        }

        def answered(said: Answer) -> None:
            failure = self._failure(said)
            consumer = consumer_in(said)
            if failure is not None and self.allowed.learn_of_consumers(failure.reason):
                logger.warning("pull.limited", extra={"said": failure.reason})
                self._make_consumer(reading)
                return
            if failure is not None or consumer is None:
                reading.trouble(f"no consumer: {'' if failure is None else failure.reason}")
                return
            if reading in self._readings:
                self._by_consumer[consumer.encode()] = reading
            reading.opened(consumer)

        body = {"stream_name": self._stream, "config": config}
        self._questions.ask(f"$JS.API.CONSUMER.CREATE.{self._stream}", body, answered)

    def _failure(self, said: Answer) -> LogFailure | None:
        error = said.get("error")
        if error is None:
            return None
        if error.get("err_code") == NO_STREAM:
            self._stream_missing()
        return LogFailure(f"{error.get('description')}")

    def _on_frames(self, frames: list[Frame]) -> None:
        """Take what came in one chunk."""
        if (run := self._plain_run.read(frames, self._names)) is None:
            self._sort(frames)
        elif (reading := self._by_consumer.get(self._plain_run.consumer)) is not None:
            reading.take(*run)

    def _sort(self, frames: list[Frame]) -> None:
        """Sort a chunk: messages by their consumer, answers by their number."""
        names = self._names
        reading: StreamReading | None = None
        messages: list[LogMessage] = []
        of = b""
        first = last = waiting = 0
        for subject, address, body, headers in frames:
            if not address:
                if reading is not None and messages:
                    reading.take(LogMessages.of(messages), first, last, waiting)
                    messages = []
                self._on_answer(subject, body, headers)
                continue
            try:
                consumer, sequence, number, timestamp_ns, waits = parse_delivery(address)
            except (ValueError, IndexError):
                # Not the server's: whoever else writes to our inbox must not cost us the others.
                self._strangers.add(repr(address[:200]))
                continue
            if consumer != self._plain_run.consumer:
                self._plain_run.learn(address, consumer)
            if messages and (consumer != of or number != last + 1):
                assert reading is not None
                reading.take(LogMessages.of(messages), first, last, waiting)
                messages = []
            if not messages:
                reading, of, first = self._by_consumer.get(consumer), consumer, number
            if reading is None:
                continue  # of a consumer that is given up
            name = names.get(subject) or self._name(subject)
            messages.append(new_tuple(LogMessage, (name, body, headers, sequence, timestamp_ns)))
            last, waiting = number, waits
        if reading is not None and messages:
            reading.take(LogMessages.of(messages), first, last, waiting)

    def _name(self, subject: bytes) -> str:
        if len(self._names) > 1000:
            self._names.clear()
        name = self._names[subject] = subject.decode(errors="replace")
        return name

    def _on_answer(self, subject: bytes, body: bytes, headers: bytes) -> None:
        """Take what bears no address: an answer or a status, or whatever a stranger sends."""
        number = number_at_end(subject)
        if (pull := self._pulls.get(number)) is not None and headers:
            pull.on_status(number, headers)
        elif number in self._questions:
            self._questions.answer(number, answer_in(body, headers))
        elif not 0 < number <= self._addresses.last:
            self._strangers.add(repr(subject[:200]))
        else:
            consumer = consumer_in(answer_in(body, headers))
            if consumer is not None and consumer.encode() not in self._by_consumer:
                self._delete(consumer)  # it was asked for twice, or came too late

    def _on_reconnected(self) -> None:
        """Begin anew; what was asked over the old connection may or may not be answered."""
        self._questions.give_up("the connection was lost")
        waiting, self._waiting = self._waiting, []
        for reading in list(self._readings):
            if reading not in waiting:
                reading.trouble("the connection was lost")
        for reading in waiting:
            if reading in self._readings:
                self._make_consumer(reading)

    async def _watch(self) -> None:
        """Notice questions that are not answered, and requests that vanished."""
        loop, client = asyncio.get_running_loop(), self._connection.client
        arrived = client.arrived_bytes
        while True:
            await asyncio.sleep(_WATCH_S)
            self._questions.see_to(loop.time())
            # A body that takes longer than two heartbeats to arrive is not silence.
            arrives = client.is_within_frame and client.arrived_bytes != arrived
            arrived = client.arrived_bytes
            for reading in list(self._readings):
                self._listen(reading, arrives)

    def _listen(self, reading: StreamReading, arrives: bool) -> None:
        heard = reading.heard or arrives or not reading.waits or not self._connection.connected
        reading.silent_s = 0.0 if heard else reading.silent_s + _WATCH_S
        reading.heard = False
        if reading.silent_s > _SILENCE_S:
            reading.trouble("no heartbeat")


def _tell_stranger(total: int, latest: str) -> None:
    logger.warning("delivery.malformed", extra={"total": total, "latest": latest})


def _tell_refusal(total: int, latest: str) -> None:
    logger.warning("pull.refused", extra={"total": total, "latest": latest})
