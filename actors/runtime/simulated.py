"""A dispatcher without threads: a test steps the actors in an order drawn from a seed."""

from __future__ import annotations

import heapq
import itertools
from typing import TYPE_CHECKING, Any

from actors.runtime.pooled import Dispatcher, Mailbox, tell_if_alive

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence
    from random import Random

    from pykka import ActorRef


class ManualClock:
    """A ``Clock`` that moves only when told to."""

    def __init__(self, wall_s: int = 1_700_000_000) -> None:
        """Start at ``wall_s`` seconds since 1970."""
        self._wall_s = wall_s
        self.elapsed_s = 0.0

    def monotonic_s(self) -> float:
        """Seconds since the clock was made."""
        return self.elapsed_s

    def wall_s(self) -> int:
        """Whole seconds since 1970."""
        return self._wall_s + int(self.elapsed_s)


def run_to_the_end(coroutine: Coroutine[Any, Any, None]) -> None:
    """Run a coroutine that awaits only what is there at once; for a port's twin."""
    try:
        coroutine.send(None)
    except StopIteration:
        return
    coroutine.close()
    raise AssertionError("a twin has to answer at once")


class SimulatedDispatcher(Dispatcher):
    """Dispatcher and ``Scheduler`` in one; everything happens in ``step``, on its caller's thread.

    The same seed, actors and messages give the same history.
    """

    def __init__(self, random: Random, clock: ManualClock) -> None:
        """Draw the order of actors from ``random``; timers move ``clock``."""
        self._random = random
        self._clock = clock
        self._ready: list[Mailbox] = []
        self._timers: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = itertools.count()

    def mail_arrived(self, mailbox: Mailbox) -> None:
        """Put the mailbox among those that ``step`` chooses from."""
        if not mailbox.scheduled:
            mailbox.scheduled = True
            self._ready.append(mailbox)

    def all_mail_arrived(self, mailboxes: Sequence[Mailbox]) -> None:
        """Put the mailboxes among those that ``step`` chooses from."""
        for mailbox in mailboxes:
            self.mail_arrived(mailbox)

    def tell_after(self, delay_s: float, ref: ActorRef[Any], message: object) -> None:
        """Tell ``ref`` the message once the clock has moved by ``delay_s``."""
        self.call_after(delay_s, lambda: tell_if_alive(ref, message))

    def call_after(self, delay_s: float, action: Callable[[], None]) -> None:
        """Do ``action`` once the clock has moved by ``delay_s``."""
        due_s = self._clock.monotonic_s() + delay_s
        heapq.heappush(self._timers, (due_s, next(self._numbers), action))

    def step(self) -> bool:
        """Let one actor, drawn at random, handle one message; False when none has mail."""
        if not self._ready:
            return False
        index = self._random.randrange(len(self._ready))
        self._ready[index], self._ready[-1] = self._ready[-1], self._ready[index]
        mailbox = self._ready.pop()
        mailbox.scheduled = False
        if mailbox.actor is None:
            mailbox.refuse()
        else:
            mailbox.actor.run_batch(1)
            if mailbox.mail:
                self.mail_arrived(mailbox)
        return True

    def run_until_idle(self) -> None:
        """Step until no actor has mail; the clock stands still."""
        while self.step():
            pass

    def next_due_s(self) -> float | None:
        """The clock's time at which the next timer is due; None without timers."""
        return self._timers[0][0] if self._timers else None

    def advance(self, duration_s: float) -> None:
        """Move the clock, sending what falls due and running the actors to rest in between."""
        end_s = self._clock.monotonic_s() + duration_s
        self.run_until_idle()
        while self._timers and self._timers[0][0] <= end_s:
            due_s, _, action = heapq.heappop(self._timers)
            self._clock.elapsed_s = max(self._clock.elapsed_s, due_s)
            action()
            self.run_until_idle()
        self._clock.elapsed_s = end_s
