"""A log on each side of the contract: the twin's, and a stream of a real server."""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from random import Random
from typing import TYPE_CHECKING, Protocol, TypeVar

import nats
from nats.js.api import StreamConfig
from nats.js.errors import NotFoundError

from bus.connection.connection import Connection
from bus.inbound.stream.captures import Captures
from bus.inbound.stream.source import StreamSource
from bus.memory.log import InMemoryLog, InMemoryLogSource
from bus.settings import BusSettings
from bus.subjects import Subjects
from bus.tally import BusTally

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from nats.aio.client import Client

    from bus.inbound.log_source import (
        LogFailure,
        LogMessage,
        LogMessages,
        LogSource,
        LogState,
        Reading,
    )

DEADLINE_S = 10.0

_numbers = count(1)
_Answer = TypeVar("_Answer")


class LogSide(Protocol):
    """A log as its server's operator sees it, and a source of it."""

    source: LogSource

    async def put(self, body: bytes) -> None:
        """Have a producer publish."""

    async def discard(self, up_to: int) -> None:
        """Have everything up to a sequence removed."""

    async def lose_consumers(self) -> None:
        """Have all consumers deleted."""

    async def recreate(self) -> None:
        """Have the stream deleted and made anew."""

    async def turn(self) -> None:
        """Have something arrive, if there is anything."""


@dataclass
class Listener:
    """Notes what a reading calls."""

    bodies: list[bytes] = field(default_factory=list)
    messages: list[LogMessage] = field(default_factory=list)
    waiting: int = -1
    is_open: bool = False
    troubles: list[str] = field(default_factory=list)

    def opened(self) -> None:
        """Note it."""
        self.is_open = True

    def took(self, messages: LogMessages, waiting: int) -> None:
        """Note it."""
        assert self.is_open
        assert not self.troubles
        self.messages += messages
        self.bodies += [message.body for message in messages]
        self.waiting = waiting

    def troubled(self, reason: str) -> None:
        """Note it."""
        self.troubles.append(reason)


async def until(side: LogSide, condition: Callable[[], bool]) -> None:
    """Return once a condition holds; fail when it does not in time."""
    async with asyncio.timeout(DEADLINE_S):
        while not condition():
            await side.turn()


async def answer_of(side: LogSide, ask: Callable[[Callable[[_Answer], None]], None]) -> _Answer:
    """Ask a source, and return its answer, which must not come before the call has returned."""
    answers: list[_Answer] = []
    ask(answers.append)
    assert not answers
    await until(side, lambda: bool(answers))
    return answers[0]


async def state_of(side: LogSide) -> LogState | LogFailure:
    """Return how the log stands."""
    return await answer_of(side, side.source.state)


async def timestamp_of(side: LogSide, sequence: int) -> int | LogFailure | None:
    """Return when the message at a sequence was put into the log."""

    def ask(answer: Callable[[int | LogFailure | None], None]) -> None:
        side.source.timestamp(sequence, answer)

    return await answer_of(side, ask)


async def begun(side: LogSide, after: int, room: int = 1000) -> tuple[Listener, Reading]:
    """Begin a reading, and ask for messages once it is open."""
    listener = Listener()
    reading = side.source.begin(after, listener)
    assert not listener.is_open
    await until(side, lambda: listener.is_open)
    reading.ask(room, 1 << 20)
    return listener, reading


class TwinSide:
    """The twin's."""

    def __init__(self) -> None:
        """Make an empty one."""
        self._posts: deque[Callable[[], None]] = deque()
        self._log = InMemoryLog()
        self.source: LogSource = InMemoryLogSource(
            self._log, self._posts.append, lambda _, action: self._posts.append(action)
        )

    async def put(self, body: bytes) -> None:
        """See ``LogSide``."""
        self._log.append("AlarmStatusChanged", body)

    async def discard(self, up_to: int) -> None:
        """See ``LogSide``."""
        self._log.discard(up_to)

    async def lose_consumers(self) -> None:
        """See ``LogSide``."""
        self._log.end_readings("deleted")

    async def recreate(self) -> None:
        """See ``LogSide``."""
        self._log.recreate()

    async def turn(self) -> None:
        """See ``LogSide``."""
        if self._posts:
            self._posts.popleft()()
        await asyncio.sleep(0)


class StreamSide:
    """A real server's."""

    def __init__(self, operator: Client, source: StreamSource, name: str) -> None:
        """Be the operator of the stream ``name``."""
        self.source: LogSource = source
        self._js = operator.jetstream()
        self._name = name

    async def put(self, body: bytes) -> None:
        """See ``LogSide``."""
        await self._js.publish(f"{self._name}.AlarmStatusChanged", body)

    async def discard(self, up_to: int) -> None:
        """See ``LogSide``."""
        await self._js.purge_stream(self._name, seq=up_to + 1)

    async def lose_consumers(self) -> None:
        """See ``LogSide``."""
        for info in await self._js.consumers_info(self._name):
            with suppress(NotFoundError):  # its reading has ended meanwhile
                await self._js.delete_consumer(self._name, info.name)

    async def consumers(self) -> int:
        """Return how many consumers the stream has."""
        return (await self._js.stream_info(self._name)).state.consumer_count

    async def recreate(self) -> None:
        """See ``LogSide``."""
        await self._js.delete_stream(self._name)
        await self.create()

    async def create(self) -> None:
        """Make the stream."""
        await self._js.add_stream(StreamConfig(name=self._name, subjects=[f"{self._name}.>"]))

    async def turn(self) -> None:
        """See ``LogSide``."""
        await asyncio.sleep(0.01)


@asynccontextmanager
async def opened_side(kind: str, url: str) -> AsyncIterator[LogSide]:
    """Open a log of its own on either side."""
    if kind == "memory":
        yield TwinSide()
        return
    name = f"LOG{next(_numbers)}"
    operator = await nats.connect(url)
    connection = Connection(BusSettings(urls=(url,)), Random(0), _fail)
    await connection.open()
    source = StreamSource(connection, name, BusTally(), lambda: None, Captures(Subjects()))
    await source.open()
    side = StreamSide(operator, source, name)
    await side.create()
    try:
        yield side
    finally:
        source.close()
        await connection.close()
        await operator.jetstream().delete_stream(name)
        await operator.close()


def _fail(reason: str) -> None:
    raise AssertionError(reason)
