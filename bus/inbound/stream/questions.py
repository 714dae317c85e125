"""Questions to the server over one inbox: each is answered once, if only that nothing came."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import orjson

from bus.inbound.stream.answers import failed_answer, tells_of_no_jetstream

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bus.connection.connection import Connection
    from bus.inbound.stream.answers import Answer

QUESTION_S = 2.0
"""How long an answer of the server's is waited for."""
ASKED_AGAIN_S = 0.5
"""In between it is asked again: a cluster that elects a leader answers nobody, and forgets; one
that has lost a server may have given the work to that one."""

_KIND_TOKENS = 4
"""Of a question's subject, before the names: ``$JS.API.CONSUMER.CREATE``."""


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


@dataclass(slots=True)
class _Question:
    kind: str
    asked_s: float
    """By a clock that is read anew; the others are the loop's."""
    until_s: float
    again_s: float
    answered: Callable[[Answer], None]
    send: Callable[[], None]


class Questions:
    """Those that are not answered yet. Runs on the bus's event loop."""

    def __init__(self, connection: Connection, addresses: Addresses) -> None:
        """Ask over this connection, to be answered at these addresses."""
        self._connection = connection
        self._addresses = addresses
        self._open: dict[int, _Question] = {}

    def __contains__(self, number: int) -> bool:
        """Whether an answer with this number is waited for."""
        return number in self._open

    def ask(
        self,
        subject: str,
        body: Mapping[str, object] | None,
        answered: Callable[[Answer], None],
    ) -> None:
        """Ask the server; ``answered`` gets what it says, or an error of our own, later.

        It may be asked several times: of several answers the first counts.
        """
        loop = asyncio.get_running_loop()
        if not self._connection.connected:
            loop.call_soon(answered, failed_answer("not connected"))
            return
        number, address = self._addresses.take()
        content = b"" if body is None else orjson.dumps(body)

        def failed(error: Exception) -> None:
            loop.call_soon(self._end, number, failed_answer(repr(error)))

        def wanted() -> bool:
            return number in self._open

        def send() -> None:
            self._connection.write(subject, content, address, failed=failed, wanted=wanted)

        now_s = loop.time()
        kind = ".".join(subject.split(".")[:_KIND_TOKENS])
        self._open[number] = _Question(
            kind, time.monotonic(), now_s + QUESTION_S, now_s + ASKED_AGAIN_S, answered, send
        )
        send()

    def answer(self, number: int, said: Answer) -> None:
        """Hand on what the server said; an answer that nobody waits for is ignored."""
        if (question := self._open.get(number)) is not None:
            self._connection.answered_in_s = time.monotonic() - question.asked_s
            if tells_of_no_jetstream(said):
                self._connection.reach.failed(question.kind, question.asked_s)
            else:
                self._connection.reach.answered(question.kind)
            self._end(number, said)

    def _end(self, number: int, said: Answer) -> None:
        question = self._open.pop(number, None)
        if question is not None:
            question.answered(said)

    def give_up(self, why: str) -> None:
        """Answer all that are open with an error."""
        for number in list(self._open):
            self._end(number, failed_answer(why))

    def see_to(self, now_s: float) -> None:
        """Ask again what waits; answer with an error what has waited too long. By the loop's clock.

        What was asked over a connection that is lost is given up when there is another one.
        """
        for number, question in list(self._open.items()):
            if question.until_s <= now_s:
                self._end(number, failed_answer("no answer in time"))
            elif question.again_s <= now_s and self._connection.connected:
                question.again_s = now_s + ASKED_AGAIN_S
                self._connection.reach.failed(question.kind, question.asked_s)
                question.send()
