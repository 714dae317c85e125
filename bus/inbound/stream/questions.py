"""Questions to the server over one inbox: each is answered once, if only that nothing came."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import orjson

from bus.inbound.stream.answers import failed_answer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bus.connection.connection import Connection
    from bus.inbound.stream.answers import Answer

QUESTION_S = 2.0
"""How long an answer of the server's is waited for."""


class Addresses:
    """Where answers are sent: one inbox, and a number for each of those that ask."""

    def __init__(self) -> None:
        """Begin without an inbox; ``inbox`` is set once it is open."""
        self.inbox = ""
        self.last = 0
        """The number given out last."""

    def take(self) -> tuple[int, str]:
        """Return a number that nobody had, and the address with it."""
        self.last += 1
        return self.last, f"{self.inbox}.{self.last}"


class Questions:
    """Those that are not answered yet. Runs on the bus's event loop."""

    def __init__(self, connection: Connection, addresses: Addresses) -> None:
        """Ask over this connection, to be answered at these addresses."""
        self._connection = connection
        self._addresses = addresses
        self._open: dict[int, tuple[float, float, Callable[[Answer], None]]] = {}
        """When each was asked, by a clock that is read anew; until when it may be answered, by the
        loop's; and who waits for it."""

    def __contains__(self, number: int) -> bool:
        """Whether an answer with this number is waited for."""
        return number in self._open

    def ask(
        self,
        subject: str,
        body: Mapping[str, object] | None,
        answered: Callable[[Answer], None],
    ) -> None:
        """Ask the server; ``answered`` gets what it says, or an error of our own, later."""
        loop = asyncio.get_running_loop()
        if not self._connection.connected:
            loop.call_soon(answered, failed_answer("not connected"))
            return
        number, address = self._addresses.take()
        self._open[number] = (time.monotonic(), loop.time() + QUESTION_S, answered)

        def failed(error: Exception) -> None:
            loop.call_soon(self._end, number, failed_answer(repr(error)))

        content = b"" if body is None else orjson.dumps(body)
        self._connection.write(subject, content, address, failed=failed)

    def answer(self, number: int, said: Answer) -> None:
        """Hand on what the server said; an answer that nobody waits for is ignored."""
        if number in self._open:
            self._connection.answered_in_s = time.monotonic() - self._open[number][0]
            self._end(number, said)

    def _end(self, number: int, said: Answer) -> None:
        question = self._open.pop(number, None)
        if question is not None:
            question[2](said)

    def give_up(self, why: str) -> None:
        """Answer all that are open with an error."""
        for number in list(self._open):
            self._end(number, failed_answer(why))

    def give_up_due(self, now_s: float) -> None:
        """Answer those with an error that have waited too long by the loop's clock."""
        due = [number for number, (_, until_s, _) in self._open.items() if until_s <= now_s]
        for number in due:
            self._end(number, failed_answer("no answer in time"))
