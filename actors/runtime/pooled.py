"""Many actors on one thread: an actor type for Pykka whose actors share dispatchers.

Pykka ships one actor type, a thread each; users are many and mostly idle. Here an actor with
mail is scheduled on a dispatcher, handles up to ``throughput`` messages and goes back, as in
Akka. ``tell``, ``ask``, ``stop``, ``on_start``, ``on_stop`` and ``on_failure`` keep Pykka's
meaning: one message at a time, never two threads in one actor, order of arrival.
"""

from __future__ import annotations

import logging
import sys
from math import inf
from time import perf_counter
from typing import TYPE_CHECKING, Any, Protocol, Self, TypeVar

import pykka
from pykka import ActorRef, ActorRegistry, ThreadingFuture
from pykka._envelope import Envelope
from pykka.messages import ProxyCall, ProxyGetAttr, ProxySetAttr, _ActorStop

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from pykka import Future

logger = logging.getLogger("actors.runtime")

A = TypeVar("A", bound=pykka.Actor)

_SPECIAL = frozenset((Envelope, ProxyCall, ProxyGetAttr, ProxySetAttr, _ActorStop))
"""What wants an answer, or is for Pykka's own part of an actor."""


def _urn(inbox: object) -> str:
    return f"urn:alarm-digest:actor:{id(inbox)}"


class Dispatcher(Protocol):
    """Decides when, and on which thread, an actor with mail handles it."""

    def mail_arrived(self, mailbox: Mailbox) -> None:
        """Make sure that the mailbox's actor runs soon. Called from any thread."""

    def all_mail_arrived(self, mailboxes: Sequence[Mailbox]) -> None:
        """Make sure that the actors of many mailboxes run soon, at one wake-up."""

    def turn_wanted(self, mailbox: Mailbox) -> None:
        """Make sure that the mailbox's actor, which runs, does so again, in a turn of its own."""
        self.mail_arrived(mailbox)


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


def tell_each(
    messages: Iterable[tuple[ActorRef[Any], object]], *, at_leisure: bool = False
) -> None:
    """Tell many pooled actors at one wake-up of their dispatcher; the dead are passed over.

    Waking a dispatcher's thread for each of a thousand actors costs more than their messages.
    ``at_leisure``, they are not awakened: each reads its message with the next that awakens it. Who
    tells so must see to it that there will be one.
    """
    awakened: dict[Dispatcher, list[Mailbox]] = {}
    for ref, message in messages:
        mailbox: Mailbox = ref.actor_inbox  # type: ignore[assignment]  # told to pooled actors only
        if mailbox.actor is None:
            logger.debug("message.undeliverable", extra={"actor": str(ref)})
            continue
        mailbox.mail.append(message)
        if mailbox.scheduled or at_leisure:
            continue
        if mailbox.dispatcher in awakened:
            awakened[mailbox.dispatcher].append(mailbox)
        else:
            awakened[mailbox.dispatcher] = [mailbox]
    for dispatcher, mailboxes in awakened.items():
        dispatcher.all_mail_arrived(mailboxes)


class Mailbox:
    """An actor's inbox, and its place on the dispatcher."""

    __slots__ = ("actor", "dispatcher", "mail", "scheduled")

    dispatcher: Dispatcher

    def __init__(self) -> None:
        """Create an empty mailbox; the actor sets itself and its dispatcher."""
        self.actor: PooledActor | None = None
        self.mail: list[Any] = []
        """Messages that were told, and envelopes of those that were asked. Senders append,
        the dispatcher's thread takes from the front; a deque is 700 bytes larger."""
        self.scheduled = False

    def put(self, item: Any, /) -> None:
        """Append and have the actor scheduled. Runs on the sender's thread."""
        self.mail.append(item)
        if not self.scheduled:
            self.dispatcher.mail_arrived(self)

    def get(self) -> Envelope[Any]:
        """Take the oldest, in an envelope; raises ``IndexError`` when empty."""
        item = self.mail.pop(0)
        return item if type(item) is Envelope else Envelope(item)

    def empty(self) -> bool:
        """Whether nothing waits."""
        return not self.mail

    def refuse(self) -> None:
        """Answer what was asked while the actor died. Runs on the dispatcher's thread."""
        while self.mail:
            if reply_to := self.get().reply_to:
                dead = pykka.ActorDeadError("stopped before handling the message")
                reply_to.set_exception((type(dead), dead, None))


class PooledActorRef(ActorRef[A]):
    """A reference whose ``tell`` spares the envelope, which only an answer needs.

    Replaces ``pykka.ActorRef.__init__``, whose weak reference, for proxies only, and copy of the
    name take a twentieth of what a user takes in memory.
    """

    def __init__(self, actor: A) -> None:
        """Refer to ``actor``, whose inbox is there."""
        self.actor_class = actor.__class__
        self.actor_inbox = actor.actor_inbox
        self.actor_stopped = actor.actor_stopped

    @property
    def actor_urn(self) -> str:  # type: ignore[override]  # never set
        """Its name, while it lives."""
        return _urn(self.actor_inbox)

    @property
    def _actor_weakref(self) -> Callable[[], A | None]:  # type: ignore[override]  # never set
        """What Pykka's proxy asks for the actor."""
        actor: A | None = self.actor_inbox.actor  # type: ignore[attr-defined]  # a Mailbox
        return lambda: actor

    def tell(self, message: Any) -> None:
        """Send a message without waiting; raises ``ActorDeadError``. Called from any thread."""
        mailbox = self.actor_inbox
        if mailbox.actor is None:  # type: ignore[attr-defined]  # a Mailbox
            raise pykka.ActorDeadError(f"{self} not found")
        mailbox.put(message)


class _StopFlag:
    """A flag in place of an event: nobody waits for a pooled actor's stop.

    A real event costs each of a million actors half a kilobyte and two microseconds.
    """

    __slots__ = ("flag",)

    def __init__(self) -> None:
        self.flag = False

    def set(self) -> None:
        self.flag = True

    def is_set(self) -> bool:
        return self.flag

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
        mailbox = Mailbox()
        mailbox.actor = self
        mailbox.dispatcher = dispatcher
        self.actor_inbox = self.mailbox = mailbox
        self._stopped = _StopFlag()
        self.actor_stopped = self._stopped  # type: ignore[assignment]  # what Pykka calls of it
        self._actor_ref = PooledActorRef(self)
        self._set_up = False

    @property
    def actor_urn(self) -> str:  # type: ignore[override]  # never set
        """Its name, while it lives."""
        return _urn(self.mailbox)

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

    def run_batch(self, throughput: int, end_s: float = inf) -> None:
        """Handle up to ``throughput`` messages, by ``perf_counter`` none begun after ``end_s``.

        But for one. Runs on the dispatcher's thread.
        """
        if not self._set_up:
            self._set_up = True
            self._actor_loop_setup()
            if self._stopped.flag:
                self._tear_down()
                return
        mail, stopped = self.mailbox.mail, self._stopped
        batch = mail[:throughput]
        del mail[:throughput]
        for handled, message in enumerate(batch, start=1):
            if type(message) in _SPECIAL:
                self._handle_special(message)
            else:
                try:
                    self.on_receive(message)
                except BaseException as error:
                    self._crash(error)
            if stopped.flag:
                mail[:0] = batch[handled:]
                self._tear_down()
                return
            if perf_counter() > end_s:
                mail[:0] = batch[handled:]
                return

    def _tear_down(self) -> None:
        self._actor_loop_teardown()
        # Else actor and mailbox would keep each other alive until a garbage collection.
        self.mailbox.actor = None

    def _handle_special(self, message: Any) -> None:
        """Handle a message that may want an answer, or be Pykka's own."""
        reply_to: Future[Any] | None = None
        if type(message) is Envelope:
            message, reply_to = message.message, message.reply_to
        try:
            response = self._handle_receive(message)
        except BaseException as error:
            if reply_to is not None and isinstance(error, Exception):
                reply_to.set_exception()
            else:
                self._crash(error)
        else:
            if reply_to is not None:
                reply_to.set(response)

    def _crash(self, error: BaseException) -> None:
        """Stop because of an exception, as Pykka's actors do."""
        if not isinstance(error, Exception):
            logger.critical("actor.interrupted", extra={"actor": str(self), "error": repr(error)})
            self._stop()
            ActorRegistry.stop_all(block=False)
            return
        failure = (type(error), error, error.__traceback__)
        self._handle_failure(*failure)
        try:
            self.on_failure(*failure)
        except Exception:
            self._handle_failure(*sys.exc_info())
