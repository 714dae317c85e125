"""The in-memory twin of a log, and of a ``LogSource`` over it, for tests and simulation.

Single-threaded. Nothing happens before it is stepped: questions travel to the log, answers and
messages back, each when ``post`` has it so.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from actors.rules.positions import Place
from bus.inbound.log_source import LogFailure, LogMessage, LogMessages, LogState

if TYPE_CHECKING:
    from collections.abc import Callable

    from bus.inbound.log_source import ReadingCallbacks

_Known = TypeVar("_Known")


@dataclass(slots=True)
class InMemoryLog:
    """A stream as the server keeps it. Outlives the processes that read it."""

    created: str = "made.1"
    first: int = 1
    last: int = 0
    messages: dict[int, LogMessage] = field(default_factory=dict)
    """What it holds, by sequence."""
    readings: list[InMemoryReading] = field(default_factory=list)
    """Those under way, of all processes."""
    _last_ns: int = 0
    _made: int = 1

    def append(
        self, subject: str, body: bytes, timestamp_ns: int = 0, headers: bytes = b""
    ) -> Place:
        """Keep a message; its timestamp is above all before it."""
        self.last += 1
        self._last_ns = max(self._last_ns + 1, timestamp_ns)
        message = LogMessage(subject, body, headers, self.last, self._last_ns)
        self.messages[self.last] = message
        for reading in self.readings:
            reading.serve_soon()
        return Place(self.last, self._last_ns, self.created)

    def state(self) -> LogState:
        """Return how it stands."""
        return LogState(self.created, self.first, self.last)

    def discard(self, up_to: int) -> None:
        """Let go of everything up to a sequence, as a limit or a purge does."""
        up_to = min(up_to, self.last)
        for sequence in range(self.first, up_to + 1):
            self.messages.pop(sequence, None)
        self.first = max(self.first, up_to + 1)

    def purge(self) -> None:
        """Let go of everything."""
        self.discard(self.last)

    def delete(self, sequence: int) -> None:
        """Let go of one message, as a person does."""
        self.messages.pop(sequence, None)
        while self.first <= self.last and self.first not in self.messages:
            self.first += 1

    def lose_tail(self, messages: int) -> None:
        """Lose what was put in last, as a power cut does: the sequences are handed out again."""
        for _ in range(min(messages, self.last - self.first + 1)):
            self.messages.pop(self.last, None)
            self.last -= 1
        self.end_readings("the server was started again")

    def recreate(self) -> None:
        """Be another stream of the same name, empty."""
        self._made += 1
        self.created, self.first, self.last = f"made.{self._made}", 1, 0
        self.messages.clear()
        self.end_readings("the stream was deleted")

    def end_readings(self, reason: str) -> None:
        """Lose all consumers."""
        for reading in list(self.readings):
            reading.lose(reason)

    def behind(self, sequence: int) -> int:
        """Return how many messages are behind a sequence."""
        if len(self.messages) == self.last - self.first + 1:
            return self.last - max(sequence, self.first - 1)
        return sum(number > sequence for number in self.messages)


class InMemoryReading:
    """See ``Reading``."""

    def __init__(
        self,
        log: InMemoryLog,
        after: int,
        callbacks: ReadingCallbacks,
        post: Callable[[Callable[[], None]], None],
        batch_max: int,
    ) -> None:
        """Read what is behind ``after``, once ``open`` has been called."""
        self._log = log
        self._next = after + 1
        self._callbacks = callbacks
        self._post = post
        self._batch_max = batch_max
        self._room = self._room_bytes = 0
        self._under_way = self._under_way_bytes = 0
        self._is_served_soon = False
        self._ended = False

    def open(self) -> None:
        """Be bound to the log, as a consumer that was created."""
        if self._ended:
            return
        self._log.readings.append(self)
        self._arrives(self._callbacks.opened)

    def ask(self, messages: int, size_bytes: int) -> None:
        """See ``Reading``."""
        self._room, self._room_bytes = messages, size_bytes
        self.serve_soon()

    def end(self) -> None:
        """See ``Reading``."""
        self._ended = True
        self._unbind()

    def lose(self, reason: str) -> None:
        """Be in trouble; nothing more comes."""
        self._unbind()
        self._arrives(lambda: self._trouble(reason))

    def serve_soon(self) -> None:
        """Have what there is room for sent."""
        if not self._is_served_soon and self in self._log.readings:
            self._is_served_soon = True
            self._post(self._serve)

    def _unbind(self) -> None:
        if self in self._log.readings:
            self._log.readings.remove(self)

    def _trouble(self, reason: str) -> None:
        self._ended = True
        self._callbacks.troubled(reason)

    def _serve(self) -> None:
        self._is_served_soon = False
        if self not in self._log.readings:
            return
        log, sent, size = self._log, list[LogMessage](), 0
        self._next = max(self._next, log.first)
        while self._next <= log.last and len(sent) < self._batch_max:
            message = log.messages.get(self._next)
            if message is not None:
                if len(sent) >= self._room - self._under_way:
                    break
                left_bytes = self._room_bytes - self._under_way_bytes - size
                if len(message.body) > left_bytes and (sent or left_bytes < self._room_bytes):
                    break
                sent.append(message)
                size += len(message.body)
            self._next += 1
        if not sent:
            return
        self._under_way += len(sent)
        self._under_way_bytes += size
        waiting = log.behind(sent[-1].sequence)
        self._arrives(lambda: self._hand_over(sent, size, waiting))
        self.serve_soon()

    def _hand_over(self, sent: list[LogMessage], size: int, waiting: int) -> None:
        self._under_way -= len(sent)
        self._under_way_bytes -= size
        self._room -= len(sent)
        self._room_bytes -= size
        self._callbacks.took(LogMessages.of(sent), waiting)

    def _arrives(self, action: Callable[[], None]) -> None:
        def arrive() -> None:
            if not self._ended:
                action()

        self._post(arrive)


class InMemoryLogSource:
    """See ``LogSource``: one process's way to a log."""

    def __init__(
        self,
        log: InMemoryLog,
        post: Callable[[Callable[[], None]], None],
        call_later: Callable[[float, Callable[[], None]], None],
        batch_max: int = 256,
    ) -> None:
        """Reach ``log``.

        ``post`` does an action later, in the order of its calls; ``batch_max`` messages come at a
        time.
        """
        self._log = log
        self._post = post
        self._call_later = call_later
        self._batch_max = batch_max
        self.fault: Callable[[str], str | None] = lambda _: None
        """Asked with ``state``, ``timestamp`` or ``begin``; a reason is the failure's."""

    def state(self, answer: Callable[[LogState | LogFailure], None]) -> None:
        """See ``LogSource``."""
        self._ask("state", self._log.state, answer)

    def timestamp(self, sequence: int, answer: Callable[[int | LogFailure | None], None]) -> None:
        """See ``LogSource``."""

        def look() -> int | None:
            message = self._log.messages.get(sequence)
            return None if message is None else message.timestamp_ns

        self._ask("timestamp", look, answer)

    def begin(self, after: int, callbacks: ReadingCallbacks) -> InMemoryReading:
        """See ``LogSource``."""
        reading = InMemoryReading(self._log, after, callbacks, self._post, self._batch_max)

        def arrive() -> None:
            refused = self.fault("begin")
            if refused is None:
                reading.open()
            else:
                reading.lose(refused)

        self._post(arrive)
        return reading

    def call_later(self, delay_s: float, action: Callable[[], None]) -> None:
        """See ``LogSource``."""
        self._call_later(delay_s, action)

    def _ask(
        self,
        what: str,
        look: Callable[[], _Known],
        answer: Callable[[_Known | LogFailure], None],
    ) -> None:
        def arrive() -> None:
            refused = self.fault(what)
            known = look() if refused is None else LogFailure(refused)
            self._post(lambda: answer(known))

        self._post(arrive)
