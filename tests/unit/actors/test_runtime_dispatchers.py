"""What pooled actors must keep on either dispatcher, and races brought about on purpose."""

from __future__ import annotations

import gc
import logging
import threading
import weakref
from random import Random
from typing import TYPE_CHECKING, Any

import pykka
import pytest
from pykka import ThreadingFuture
from pykka._envelope import Envelope

from actors.pool import PoolDispatcher
from actors.runtime import Mailbox, PooledActor, tell_each
from actors.simulation import ManualClock, SimulatedDispatcher
from tests.doubles import IdleDispatcher
from tests.unit.actors.loop_thread import loop_thread

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from actors.runtime import Dispatcher

TIMEOUT_S = 10.0


class Worker(PooledActor):
    """Does what it is told, answers with what that gave, and says where its hooks ran."""

    def __init__(self, dispatcher: Dispatcher) -> None:
        """Create it, unstarted."""
        super().__init__(dispatcher)
        self.score = 0
        self.started_on = ""
        self.stopped = threading.Event()

    def on_start(self) -> None:
        """Note the thread."""
        self.started_on = threading.current_thread().name

    def on_stop(self) -> None:
        """Say so."""
        self.stopped.set()

    def on_receive(self, message: Callable[[], object]) -> object:
        """Do it."""
        return message()


class RacingMailbox(Mailbox):
    """Receives ``late`` at the worst moment: when its actor is about to go to rest."""

    __slots__ = ("flag", "late")

    def __init__(self, late: object) -> None:
        """Have ``late`` come from a sender that still saw the actor scheduled."""
        self.flag = True
        self.late: list[object] = []
        super().__init__()
        self.late.append(late)

    @property
    def scheduled(self) -> bool:
        """Whether the actor is scheduled."""
        return self.flag

    @scheduled.setter
    def scheduled(self, flag: bool) -> None:
        if not flag and self.late:
            self.mail.append(self.late.pop())
        self.flag = flag


@pytest.fixture
def pool() -> Iterator[PoolDispatcher]:
    """A started dispatcher of two threads."""
    started = PoolDispatcher("pool", threads=2)
    started.start()
    yield started
    assert started.stop(TIMEOUT_S)


@pytest.fixture(params=["simulated", "pool", "loop"])
def dispatcher(request: pytest.FixtureRequest) -> Iterator[Dispatcher]:
    """Each kind of dispatcher; ``_settled`` has the actors on it come to rest."""
    if request.param == "simulated":
        yield SimulatedDispatcher(Random(0), ManualClock())
        return
    if request.param == "loop":
        with loop_thread() as on_loop:
            yield on_loop
        return
    started = PoolDispatcher("pool")
    started.start()
    yield started
    assert started.stop(TIMEOUT_S)


def _nothing() -> None:
    pass


def _crash() -> None:
    raise LookupError("crash")


def _exit() -> None:
    raise SystemExit(3)


def _settled(dispatcher: Dispatcher) -> None:
    # A round of the one thread awakens what the last one left; two put it behind us.
    for _ in range(2):
        last = Worker.start(dispatcher).stop(block=False)
        if isinstance(dispatcher, SimulatedDispatcher):
            dispatcher.run_until_idle()
        assert last.get(timeout=TIMEOUT_S)


@pytest.mark.parametrize("last", [_crash, None])
def test_a_stopped_actor_is_freed_without_a_garbage_collection(
    dispatcher: Dispatcher, last: Callable[[], None] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Users come and go by the million; its reference may live on."""
    # The records that pytest keeps hold the traceback of a crash, and by it the actor.
    monkeypatch.setattr(logging.getLogger("pykka"), "disabled", True)
    gc.disable()
    try:
        actor = Worker(dispatcher)
        ref, freed = actor.begin(), weakref.ref(actor)
        del actor
        ref.tell(_nothing)
        _settled(dispatcher)
        assert freed() is not None
        if last is None:
            ref.stop(block=False)
        else:
            ref.tell(last)
        _settled(dispatcher)
        assert not ref.is_alive()
        assert freed() is None
    finally:
        gc.enable()


def test_what_is_asked_while_the_actor_dies_is_answered(dispatcher: Dispatcher) -> None:
    """The asker saw it alive and put its envelope behind the last that was answered."""
    ref = Worker.start(dispatcher)
    ref.stop(block=False)
    _settled(dispatcher)
    asked: ThreadingFuture[Any] = ThreadingFuture()
    ref.actor_inbox.put(Envelope(_nothing))
    ref.actor_inbox.put(Envelope(_nothing, reply_to=asked))
    _settled(dispatcher)
    with pytest.raises(pykka.ActorDeadError):
        asked.get(timeout=0)
    assert ref.actor_inbox.empty()


def test_what_is_asked_before_the_dying_actor_goes_to_rest_is_answered(
    pool: PoolDispatcher,
) -> None:
    """The same, with the flag seen that says somebody looks after the mailbox."""
    asked: ThreadingFuture[Any] = ThreadingFuture()
    mailbox = RacingMailbox(Envelope(_nothing, reply_to=asked))
    mailbox.dispatcher = pool
    pool.mail_arrived(mailbox)
    with pytest.raises(pykka.ActorDeadError):
        asked.get(timeout=TIMEOUT_S)


def test_mail_that_arrives_as_an_actor_goes_to_rest_is_handled(pool: PoolDispatcher) -> None:
    """Its sender saw the actor scheduled and did not wake it."""
    worker, handled = Worker(pool), threading.Event()
    mailbox = RacingMailbox(handled.set)
    mailbox.actor, mailbox.dispatcher = worker, pool
    worker.actor_inbox = worker.mailbox = mailbox
    worker.begin()
    assert handled.wait(TIMEOUT_S)


def test_an_actor_is_scheduled_under_the_lock() -> None:
    """Else two senders at a time would have two threads in it."""
    pool, held = PoolDispatcher("unstarted"), list[bool]()

    class Watched(Mailbox):
        @property
        def scheduled(self) -> bool:
            return False

        @scheduled.setter
        def scheduled(self, flag: bool) -> None:
            if flag:
                held.append(pool._lock.locked())

    mailbox = Watched()
    pool.mail_arrived(mailbox)
    pool.all_mail_arrived([mailbox])
    assert held == [True, True]


def test_no_second_thread_enters_an_actor_that_is_busy(pool: PoolDispatcher) -> None:
    """However much mail it gets, by whichever way, while the other thread is free."""
    log: list[str] = []
    inside, gate = threading.Event(), threading.Event()

    def block() -> None:
        inside.set()
        gate.wait(TIMEOUT_S)
        log.append("first")

    busy = Worker.start(pool)
    busy.tell(block)
    assert inside.wait(TIMEOUT_S)
    busy.tell(lambda: log.append("second"))
    tell_each([(busy, lambda: log.append("third"))])
    pool.all_mail_arrived([busy.actor_inbox])  # type: ignore[list-item]  # a Mailbox
    Worker.start(pool).ask(_nothing, timeout=TIMEOUT_S)
    assert log == []
    gate.set()
    busy.ask(_nothing, timeout=TIMEOUT_S)
    assert log == ["first", "second", "third"]


def test_actors_told_together_are_awakened_at_one_go() -> None:
    """Once a dispatcher; not the dead, and not those that are scheduled already."""
    first, second = IdleDispatcher(), IdleDispatcher()
    a, b, c, dead, awake = (Worker(d) for d in (first, second, first, first, first))
    dead.mailbox.actor = None
    awake.mailbox.scheduled = True
    tell_each((worker.actor_ref, n) for n, worker in enumerate((a, b, c, dead, awake)))
    assert first.wake_ups == [(a.mailbox, c.mailbox)]
    assert second.wake_ups == [(b.mailbox,)]
    assert [worker.mailbox.mail for worker in (a, b, c, dead, awake)] == [[0], [1], [2], [], [4]]


def test_a_pool_is_awakened_once_for_many() -> None:
    """A wake-up costs more than a message; who is awake already is left out."""
    pool = PoolDispatcher("unstarted")
    workers = [Worker(pool) for _ in range(3)]
    pool.mail_arrived(workers[0].mailbox)
    pool.all_mail_arrived([worker.mailbox for worker in workers])
    pool.all_mail_arrived([worker.mailbox for worker in workers])
    assert pool._ready.get_nowait() == (workers[0].mailbox,)
    assert pool._ready.get_nowait() == [workers[1].mailbox, workers[2].mailbox]
    assert pool._ready.empty()


def test_hooks_and_proxies_run_on_the_pool(pool: PoolDispatcher) -> None:
    """Not on the thread of who started, called or set."""
    proxy: Any = Worker.start(pool).proxy()
    assert proxy.started_on.get(timeout=TIMEOUT_S) in {"pool-0", "pool-1"}
    proxy.score = 9
    assert proxy.score.get(timeout=TIMEOUT_S) == 9


def test_an_interruption_stops_the_registered_actors_of_every_pool(pool: PoolDispatcher) -> None:
    """From whichever thread; the pool itself goes on."""
    bystander = Worker(pool)
    bystander.begin()
    Worker.start(pool).tell(_exit)
    assert bystander.stopped.wait(TIMEOUT_S)
    assert Worker.start(pool).ask(lambda: "alive", timeout=TIMEOUT_S) == "alive"


def test_nobody_can_wait_on_the_flag_of_a_pooled_actor() -> None:
    """It would wait for ever; the error says what to call instead."""
    worker = Worker(IdleDispatcher())
    with pytest.raises(NotImplementedError, match=r"ActorRef\.stop\(block=True\)"):
        worker.actor_stopped.wait(0)
