"""Many actors on few threads: an actor type for Pykka whose actors share dispatchers.

Pykka ships one actor type, a thread each; users are many and mostly idle. Here an actor with
mail is scheduled on a dispatcher, handles up to ``throughput`` messages and goes back, as in
Akka. ``tell``, ``ask``, ``stop``, ``on_start``, ``on_stop`` and ``on_failure`` keep Pykka's
meaning: one message at a time, never two threads in one actor, order of arrival.
"""

from __future__ import annotations

import heapq
import itertools
import logging
import sys
import threading
from collections import deque
from queue import SimpleQueue
from time import monotonic
from typing import TYPE_CHECKING, Any, Protocol, Self

import pykka
from pykka import ActorRef, ActorRegistry, ThreadingFuture

if TYPE_CHECKING:
    from pykka._envelope import Envelope

logger = logging.getLogger("actors.runtime")

_actor_numbers = itertools.count(1)


class Dispatcher(Protocol):
    """Decides when, and on which thread, an actor with mail handles it."""

    def mail_arrived(self, mailbox: Mailbox) -> None:
        """Make sure that the mailbox's actor runs soon. Called from any thread."""


class Scheduler(Protocol):
    """Sends messages later."""

    def tell_after(self, delay_s: float, ref: ActorRef[Any], message: object) -> None:
        """Tell ``ref`` the message once ``delay_s`` has passed; dropped if it is dead by then."""


def tell_if_alive(ref: ActorRef[Any], message: object) -> None:
    """Tell an actor that may have stopped, where a dead one no longer needs the message."""
    try:
        ref.tell(message)
    except pykka.ActorDeadError:
        logger.debug("message.undeliverable", extra={"actor": str(ref)})


class Mailbox:
    """An actor's inbox, and its place on the dispatcher."""

    __slots__ = ("actor", "dispatcher", "envelopes", "scheduled")

    actor: PooledActor
    dispatcher: Dispatcher

    def __init__(self) -> None:
        """Create an empty mailbox; the actor sets itself and its dispatcher."""
        self.envelopes: deque[Envelope[Any]] = deque()
        self.scheduled = False

    def put(self, envelope: Envelope[Any], /) -> None:
        """Append and have the actor scheduled. Runs on the sender's thread."""
        self.envelopes.append(envelope)
        if not self.scheduled:
            self.dispatcher.mail_arrived(self)

    def get(self) -> Envelope[Any]:
        """Take the oldest envelope; raises ``IndexError`` when empty."""
        return self.envelopes.popleft()

    def empty(self) -> bool:
        """Whether nothing waits."""
        return not self.envelopes


class _StopFlag(threading.Event):
    """A flag in place of an event: nobody waits for a pooled actor's stop.

    A real event costs each of a million actors half a kilobyte and two microseconds.
    """

    def __init__(self) -> None:
        self._flag = False

    def set(self) -> None:
        self._flag = True

    def wait(self, timeout: float | None = None) -> bool:
        del timeout
        message = "stop a pooled actor with ActorRef.stop(block=True) to wait for its end"
        raise NotImplementedError(message)


class PooledActor(pykka.Actor):
    """An actor that runs on a dispatcher's threads instead of one of its own."""

    registered = True
    """Whether instances appear in ``pykka.ActorRegistry``, a list that is searched linearly."""

    def __init__(self, dispatcher: Dispatcher) -> None:
        """Create the actor, unstarted. Runs on the creator's thread.

        Replaces ``pykka.Actor.__init__``, which spends 5 microseconds on a UUID and an event.
        """
        self.actor_urn = f"urn:alarm-digest:actor:{next(_actor_numbers)}"
        mailbox = Mailbox()
        mailbox.actor = self
        mailbox.dispatcher = dispatcher
        self.actor_inbox = self.mailbox = mailbox
        self.actor_stopped = _StopFlag()
        self._actor_ref = ActorRef(self)
        self._set_up = False

    @classmethod
    def start(cls, *args: Any, **kwargs: Any) -> ActorRef[Self]:
        """Create the actor and have it started on its dispatcher; arguments as the class's."""
        return cls(*args, **kwargs).begin()

    def begin(self) -> ActorRef[Self]:
        """Start the actor, once; what ``start`` does after creating it."""
        if self.registered:
            ActorRegistry.register(self.actor_ref)
        self._start_actor_loop()
        return self.actor_ref

    @staticmethod
    def _create_actor_inbox() -> Mailbox:
        return Mailbox()

    @staticmethod
    def _create_future() -> ThreadingFuture[Any]:
        return ThreadingFuture()

    def _start_actor_loop(self) -> None:
        self.mailbox.dispatcher.mail_arrived(self.mailbox)

    def run_batch(self, throughput: int) -> None:
        """Handle up to ``throughput`` messages. Runs on the dispatcher's thread."""
        if not self._set_up:
            self._set_up = True
            self._actor_loop_setup()
        envelopes = self.mailbox.envelopes
        stopped = self.actor_stopped
        for _ in range(throughput):
            if not envelopes or stopped.is_set():
                break
            self._handle(envelopes.popleft())
        if stopped.is_set():
            self._actor_loop_teardown()

    def _handle(self, envelope: Envelope[Any]) -> None:
        try:
            response = self._handle_receive(envelope.message)
            if envelope.reply_to is not None:
                envelope.reply_to.set(response)
        except Exception:
            if envelope.reply_to is not None:
                envelope.reply_to.set_exception()
                return
            failure = sys.exc_info()
            self._handle_failure(*failure)
            try:
                self.on_failure(*failure)
            except Exception:
                self._handle_failure(*sys.exc_info())
        except BaseException as error:
            logger.critical("actor.interrupted", extra={"actor": str(self), "error": repr(error)})
            self._stop()
            ActorRegistry.stop_all(block=False)


class PoolDispatcher:
    """Runs actors on a fixed set of threads.

    One thread is the default: under the GIL more do not help actors that only compute. With an
    actor of its own, one that blocks on I/O, it is what Akka calls a pinned dispatcher.
    """

    def __init__(self, name: str, threads: int = 1, throughput: int = 64) -> None:
        """Create the dispatcher; ``start`` starts its threads, which bear ``name``."""
        self._ready: SimpleQueue[Mailbox | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._throughput = throughput
        self._threads = [
            threading.Thread(target=self._work, name=f"{name}-{number}", daemon=True)
            for number in range(threads)
        ]

    def start(self) -> None:
        """Start the threads."""
        for thread in self._threads:
            thread.start()

    def stop(self, timeout_s: float) -> bool:
        """End the threads once what is ready has run; whether all ended in time.

        Not to be called from one of them.
        """
        for _ in self._threads:
            self._ready.put(None)
        for thread in self._threads:
            thread.join(timeout_s)
        return not any(thread.is_alive() for thread in self._threads)

    def mail_arrived(self, mailbox: Mailbox) -> None:
        """Schedule the mailbox's actor unless it is scheduled already."""
        with self._lock:
            if mailbox.scheduled:
                return
            mailbox.scheduled = True
        self._ready.put(mailbox)

    def _work(self) -> None:
        while (mailbox := self._ready.get()) is not None:
            mailbox.actor.run_batch(self._throughput)
            if mailbox.envelopes:
                self._ready.put(mailbox)
                continue
            # Cleared first, looked at again afterwards: a sender that still saw the flag set
            # has appended before this line, so no mail is left behind unscheduled.
            mailbox.scheduled = False
            if mailbox.envelopes:
                self.mail_arrived(mailbox)


class TimerThread:
    """A ``Scheduler`` on a thread of its own."""

    def __init__(self, name: str = "timer") -> None:
        """Create the timer; ``start`` starts its thread."""
        self._due: list[tuple[float, int, ActorRef[Any], object]] = []
        self._numbers = itertools.count()
        self._changed = threading.Condition()
        self._stopping = False
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self, timeout_s: float) -> None:
        """End the thread; what is not yet due is dropped."""
        with self._changed:
            self._stopping = True
            self._changed.notify()
        self._thread.join(timeout_s)

    def tell_after(self, delay_s: float, ref: ActorRef[Any], message: object) -> None:
        """Tell ``ref`` the message once ``delay_s`` has passed. Called from any thread."""
        entry = (monotonic() + delay_s, next(self._numbers), ref, message)
        with self._changed:
            heapq.heappush(self._due, entry)
            if self._due[0] is entry:
                self._changed.notify()

    def _work(self) -> None:
        while (entry := self._next()) is not None:
            tell_if_alive(entry[2], entry[3])

    def _next(self) -> tuple[float, int, ActorRef[Any], object] | None:
        with self._changed:
            while not self._stopping:
                if not self._due:
                    self._changed.wait()
                    continue
                wait_s = self._due[0][0] - monotonic()
                if wait_s <= 0:
                    return heapq.heappop(self._due)
                self._changed.wait(wait_s)
            return None
