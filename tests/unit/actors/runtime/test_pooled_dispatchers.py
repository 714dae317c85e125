"""What pooled actors must keep on either dispatcher."""

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

from actors.runtime.pooled import PooledActor, tell_each
from actors.runtime.simulated import ManualClock, SimulatedDispatcher
from tests.doubles import IdleDispatcher
from tests.unit.actors.loop_thread import NAME, loop_thread

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from actors.runtime.pooled import Dispatcher

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


@pytest.fixture(params=["simulated", "loop"])
def dispatcher(request: pytest.FixtureRequest) -> Iterator[Dispatcher]:
    """Each kind of dispatcher; ``_settled`` has the actors on it come to rest."""
    if request.param == "simulated":
        yield SimulatedDispatcher(Random(0), ManualClock())
        return
    with loop_thread() as on_loop:
        yield on_loop


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


def test_hooks_and_proxies_run_on_the_dispatchers_thread() -> None:
    """Not on the thread of who started, called or set."""
    with loop_thread() as on_loop:
        proxy: Any = Worker.start(on_loop).proxy()
        assert proxy.started_on.get(timeout=TIMEOUT_S) == NAME
        proxy.score = 9
        assert proxy.score.get(timeout=TIMEOUT_S) == 9


def test_an_interruption_stops_the_registered_actors() -> None:
    """The dispatcher itself goes on."""
    with loop_thread() as on_loop:
        bystander = Worker(on_loop)
        bystander.begin()
        Worker.start(on_loop).tell(_exit)
        assert bystander.stopped.wait(TIMEOUT_S)
        assert Worker.start(on_loop).ask(lambda: "alive", timeout=TIMEOUT_S) == "alive"


def test_nobody_can_wait_on_the_flag_of_a_pooled_actor() -> None:
    """It would wait for ever; the error says what to call instead."""
    worker = Worker(IdleDispatcher())
    with pytest.raises(NotImplementedError, match=r"ActorRef\.stop\(block=True\)"):
        worker.actor_stopped.wait(0)
