"""JetStream's transport: a publication is proved by the stream's answer."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from typing import TYPE_CHECKING

import orjson

from actors.errors import PublishFailedError
from bus.connection.client.lanes import number_at_end, parse_status
from bus.connection.floods import FloodLog
from bus.outbound.transport import ConnectedTransport

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bus.connection.client.lanes import Frame
    from bus.connection.connection import Connection
    from bus.outbound.message import OutgoingMessage
    from bus.outbound.transport import Outcomes
    from bus.streams.limits import StreamLimits

logger = logging.getLogger("bus.outbound")

_NO_STREAM = PublishFailedError("no stream captures the subject")
_TOO_LARGE_FOR_STREAM = 10054
_STORED_MAX_BYTES = 32 * 1024 * 1024 - 4096
"""A file store refuses what has 32 MiB, its subject and some 50 bytes included (tried on 2.15)."""


class ProvedTransport(ConnectedTransport):
    """Publishes into streams and waits for the server's word. Runs on the bus's event loop."""

    TIMEOUT_S = 2.0
    """A cluster that elects a leader forgets what it was given; the stream drops repeats."""
    SUSPECTED_S = 1.0
    """So long without an answer, and a stream may be missing: where somebody subscribes to the
    subject as well, no server says that nobody captures it."""

    def __init__(
        self,
        connection: Connection,
        stream_missing: Callable[[], None],
        stream_suspected: Callable[[], None],
        limits: StreamLimits,
    ) -> None:
        """Prepare; ``start`` opens the inbox for the server's answers.

        ``stream_missing`` is called when no stream captured a publication, ``stream_suspected``
        when that may be why there is no answer; ``limits`` is what streams take, asked for at the
        start, after a reconnect, and when one was too large.
        """
        super().__init__(connection)
        self._stream_missing = stream_missing
        self._stream_suspected = stream_suspected
        self._limits = limits
        self._base = ""
        self._number = 0
        self._pending: dict[int, _Group] = {}
        self._deadlines: deque[tuple[float, _Group]] = deque()
        self._strangers = FloodLog(_tell_stranger)

    def limit_bytes(self, subject: str) -> int:
        """See ``Transport``: what the account may publish, and the stream takes."""
        most = min(super().limit_bytes(subject), _STORED_MAX_BYTES)
        limit = self._limits.of(subject)
        return most if limit is None else min(most, limit)

    async def start(self) -> None:
        """Begin to listen for answers."""
        self._base = self._connection.client.new_inbox()
        await self._connection.client.open_lane(f"{self._base}.*", self._on_answers)
        self._connection.on_disconnected.append(self._fail_all)
        self._connection.on_reconnected.append(self._limits.learn_soon)
        self._connection.tasks.start("publication deadlines", self._sweep())
        await self._limits.learn()

    async def close(self) -> None:
        """End; what is not proved by now has failed."""
        self._fail_all()
        self._strangers.close()
        await self._limits.close()

    def _publish(
        self, messages: Sequence[OutgoingMessage], settled: Callable[[Outcomes], None]
    ) -> None:
        first, base = self._number + 1, self._base
        self._number += len(messages)
        group = _Group(range(first, first + len(messages)), settled)
        self._pending.update(dict.fromkeys(group.numbers, group))
        deadline_s = asyncio.get_running_loop().time() + self.TIMEOUT_S
        self._deadlines.append((deadline_s, group))

        def failed(error: Exception) -> None:
            self._fail(group, PublishFailedError(repr(error)))

        self._connection.write_all(
            [
                (subject, body, f"{base}.{number}", head)
                for number, (subject, body, _, head) in enumerate(messages, first)
            ],
            failed,
            group.is_unsettled,
        )

    def _on_answers(self, frames: list[Frame]) -> None:
        for subject, _, body, headers in frames:
            number = number_at_end(subject)
            if not 0 < number <= self._number:
                self._strangers.add(repr(subject[:200]))
                continue
            if number not in self._pending:
                continue  # given up, or answered already
            error, code = _refusal(body, headers)
            if error is _NO_STREAM:
                self._stream_missing()
            elif code == _TOO_LARGE_FOR_STREAM:
                self._limits.learn_soon()
            self._settle(number, error)

    def _settle(self, number: int, error: PublishFailedError | None) -> None:
        if (group := self._pending.pop(number, None)) is not None:
            group.settle(number, error)

    def _fail(self, group: _Group, error: PublishFailedError) -> None:
        """Have those of a group failed that are not answered."""
        for number in group.numbers:
            self._settle(number, error)

    def _fail_all(self) -> None:
        for number in list(self._pending):
            self._settle(number, PublishFailedError("the connection was lost"))

    async def _sweep(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(self.TIMEOUT_S / 10)
            now_s = loop.time()
            while self._deadlines:
                deadline_s, group = self._deadlines[0]
                if group.is_unsettled() and deadline_s > now_s:
                    if deadline_s - self.TIMEOUT_S + self.SUSPECTED_S <= now_s:
                        self._stream_suspected()
                    break
                self._deadlines.popleft()
                self._fail(group, PublishFailedError("no answer from the stream in time"))


class _Group:
    """Publications that were sent together; settled when each of them is."""

    __slots__ = ("_left", "_outcomes", "_settled", "numbers")

    def __init__(self, numbers: range, settled: Callable[[Outcomes], None]) -> None:
        self.numbers = numbers
        self._outcomes: list[PublishFailedError | None] = [None] * len(numbers)
        self._left = len(numbers)
        self._settled = settled

    def is_unsettled(self) -> bool:
        return self._left > 0

    def settle(self, number: int, error: PublishFailedError | None) -> None:
        if error is not None:
            self._outcomes[number - self.numbers.start] = error
        self._left -= 1
        if not self._left:
            self._settled(self._outcomes)


def _tell_stranger(total: int, latest: str) -> None:
    logger.warning("answer.malformed", extra={"total": total, "latest": latest})


def _refusal(body: bytes, headers: bytes) -> tuple[PublishFailedError | None, int]:
    """Return why a publication was not taken, with JetStream's code; (None, 0) when it was."""
    if headers and parse_status(headers)[0] == "503":
        return _NO_STREAM, 0
    try:
        answer = orjson.loads(body)
        error = answer.get("error")
        if error is not None:
            text = f"{error.get('code')}: {error.get('description')}"
            return PublishFailedError(text), error.get("err_code", 0)
        if "stream" in answer and "seq" in answer:
            return None, 0
    except (ValueError, AttributeError):
        pass
    return PublishFailedError("an answer that is no publication's acknowledgement"), 0
