"""A dispatcher on an asyncio event loop, whose thread the actors share with the bus."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from math import inf
from time import perf_counter
from typing import TYPE_CHECKING, Any

from actors.runtime.pooled import Dispatcher, Mailbox, tell_if_alive
from actors.runtime.turns import Turns

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence

    from pykka import ActorRef

TURN_S = 0.01
"""How long actors run before the loop may do something else, read its sockets for one.

What is begun by then is ended: no message may take more than another ten milliseconds. With a fifth
of it, a backlog filled the window with messages that no actor had got to yet.
"""


class LoopDispatcher(Dispatcher):
    """Runs actors that never block as callbacks of an event loop; ``Scheduler`` as well.

    Under the GIL a thread of their own would not make them faster: it would only have each
    message, and each answer, wait for the interpreter to change threads.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, throughput: int = 64, turns: Turns | None = None
    ) -> None:
        """Run on ``loop``; called on its thread."""
        self._loop = loop
        self._thread = threading.get_ident()
        self._throughput = throughput
        self._ready: deque[Mailbox] = deque()
        self._alone: deque[Mailbox] = deque()
        """Each for a turn of its own, by turns with the others."""
        self._others_turn = True
        self._turn_is_coming = False
        self._first: deque[Mailbox] = deque()
        self.first = _FirstInLine(self._first, self._turn_soon)
        """For actors whose work has others begin theirs, a server for one: they run before all."""
        self._under_way: set[asyncio.Task[None]] = set()
        self.turns = turns or Turns()
        """How long the turns take, by the CPU."""

    def mail_arrived(self, mailbox: Mailbox) -> None:
        """Have the mailbox's actor run at the next turn. Called from any thread."""
        if mailbox.scheduled:
            return
        # Two threads may both come here: the actor then has a second turn with nothing to do.
        mailbox.scheduled = True
        self._ready.append(mailbox)
        self._turn_soon()

    def all_mail_arrived(self, mailboxes: Sequence[Mailbox]) -> None:
        """Have the actors of many mailboxes run at the next turn. Called from any thread."""
        for mailbox in mailboxes:
            mailbox.scheduled = True
        self._ready.extend(mailboxes)
        self._turn_soon()

    def turn_wanted(self, mailbox: Mailbox) -> None:
        """Have the mailbox's actor, which runs, do so again in a turn of its own."""
        if not mailbox.scheduled:
            mailbox.scheduled = True
            self._alone.append(mailbox)
            self._turn_soon()

    def tell_after(self, delay_s: float, ref: ActorRef[Any], message: object) -> None:
        """See ``Scheduler``. Called from any thread."""
        if threading.get_ident() == self._thread:
            self._loop.call_later(delay_s, tell_if_alive, ref, message)
        else:
            self._from_outside(self._loop.call_later, delay_s, tell_if_alive, ref, message)

    def begin(self, coroutine: Coroutine[Any, Any, None]) -> None:
        """Have a coroutine run on the loop; called on its thread.

        It must not raise: whoever waits for what it tells would wait for ever. If it does, the
        loop's exception handler is told, which ends the process.
        """
        task = self._loop.create_task(coroutine)
        self._under_way.add(task)  # the loop itself would let it be collected
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._under_way.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            about = {"message": "what an actor began has failed", "exception": error, "task": task}
            self._loop.call_exception_handler(about)

    async def abandon(self) -> None:
        """Cancel the coroutines that are under way."""
        under_way = list(self._under_way)
        for task in under_way:
            task.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)

    def run_until_idle(self) -> None:
        """Run what is ready, and what that makes ready, to the end; on the loop's thread."""
        while queue := self._first or self._ready or self._alone:
            self._run(queue.popleft(), inf)

    def _turn_soon(self) -> None:
        if self._turn_is_coming:
            return
        self._turn_is_coming = True
        if threading.get_ident() == self._thread:
            self._loop.call_soon(self._turn)
        else:
            self._from_outside(self._turn)

    def _from_outside(self, *call: Any) -> None:
        try:
            self._loop.call_soon_threadsafe(*call)
        except RuntimeError:
            # The loop is closed: the process ends, and what is not settled comes back.
            self._first.clear()
            self._ready.clear()
            self._alone.clear()

    def _turn(self) -> None:
        # Lowered first: who schedules an actor from here on has the loop come back.
        self._turn_is_coming = False
        first, ready, alone, run = self._first, self._ready, self._alone, self._run
        self.turns.begin()
        end_s = perf_counter() + TURN_S
        if alone and not (self._others_turn and (first or ready)):
            self._others_turn = True
            run(alone.popleft(), end_s)
        else:
            self._others_turn = False
            while first or ready:
                run((first or ready).popleft(), end_s)
                if perf_counter() > end_s:
                    break
        if first or ready or alone:
            self._turn_soon()
        self.turns.end()

    def _run(self, mailbox: Mailbox, end_s: float) -> None:
        # Cleared first: what a sender appends from here on is either in this batch or brings
        # the mailbox back.
        mailbox.scheduled = False
        actor = mailbox.actor
        if actor is None:
            mailbox.refuse()
            return
        actor.run_batch(self._throughput, end_s)
        if mailbox.mail:
            mailbox.dispatcher.mail_arrived(mailbox)


class _FirstInLine(Dispatcher):
    """The other end of a loop dispatcher's queue."""

    def __init__(self, queue: deque[Mailbox], turn_soon: Callable[[], None]) -> None:
        self._queue = queue
        self._turn_soon = turn_soon

    def mail_arrived(self, mailbox: Mailbox) -> None:
        """Have the mailbox's actor run at the next turn. Called from any thread."""
        if not mailbox.scheduled:
            self.all_mail_arrived((mailbox,))

    def all_mail_arrived(self, mailboxes: Sequence[Mailbox]) -> None:
        """Have the actors of many mailboxes run at the next turn. Called from any thread."""
        for mailbox in mailboxes:
            mailbox.scheduled = True
        self._queue.extend(mailboxes)
        self._turn_soon()
