"""The pool of threads, on real threads; a test waits for events only."""

from __future__ import annotations

import threading
from queue import SimpleQueue
from typing import TYPE_CHECKING

import pytest

from actors.pool import PoolDispatcher
from actors.runtime import PooledActor, tell_each

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

TIMEOUT_S = 10.0


class Worker(PooledActor):
    """Does what it is told; answers with the name of its thread."""

    registered = False

    def on_receive(self, message: Callable[[], object]) -> str:
        """Do it."""
        message()
        return threading.current_thread().name


class Turnstile(PooledActor):
    """Notes how many threads were in it at a time, and in which order messages came."""

    registered = False

    def __init__(self, dispatcher: PoolDispatcher, count: int) -> None:
        """Expect ``count`` messages."""
        super().__init__(dispatcher)
        self.inside: set[int] = set()
        self.crowded = False
        self.passed: list[tuple[int, int]] = []
        self.all_passed = threading.Event()
        self._count = count

    def on_receive(self, message: tuple[int, int]) -> None:
        """Let one through."""
        self.inside.add(threading.get_ident())
        self.passed.append(message)
        self.crowded = self.crowded or len(self.inside) > 1
        self.inside.discard(threading.get_ident())
        if len(self.passed) == self._count:
            self.all_passed.set()


@pytest.fixture
def pool() -> Iterator[PoolDispatcher]:
    """A started dispatcher of one thread that handles one message at a time."""
    started = PoolDispatcher("pool", throughput=1)
    started.start()
    yield started
    assert started.stop(TIMEOUT_S)


def _nothing() -> None:
    pass


def test_actors_run_on_the_dispatchers_thread(pool: PoolDispatcher) -> None:
    """Which bears its name."""
    assert Worker.start(pool).ask(_nothing, timeout=TIMEOUT_S) == "pool-0"


def test_many_threads_share_the_actors() -> None:
    """While one is in an actor, the other goes on with what comes."""
    pool = PoolDispatcher("pool", threads=2)
    pool.start()
    inside, meeting = threading.Event(), threading.Barrier(2, timeout=TIMEOUT_S)

    def meet() -> None:
        inside.set()
        meeting.wait()

    first = Worker.start(pool).ask(meet, block=False)
    assert inside.wait(TIMEOUT_S)
    second = Worker.start(pool).ask(meet, block=False)
    names = {first.get(timeout=TIMEOUT_S), second.get(timeout=TIMEOUT_S)}
    assert names == {"pool-0", "pool-1"}
    assert pool.stop(TIMEOUT_S)


@pytest.mark.parametrize("told_together", [False, True])
def test_never_two_threads_in_one_actor_and_each_senders_order_holds(
    *, told_together: bool
) -> None:
    """Four senders, four threads; no message is lost or repeated."""
    pool = PoolDispatcher("pool", threads=4, throughput=3)
    pool.start()
    turnstile = Turnstile(pool, 4 * 500)
    ref = turnstile.begin()
    ready = threading.Barrier(4, timeout=TIMEOUT_S)

    def send(sender: int) -> None:
        ready.wait()
        for number in range(500):
            if told_together:
                tell_each([(ref, (sender, number))])
            else:
                ref.tell((sender, number))

    senders = [threading.Thread(target=send, args=(sender,)) for sender in range(4)]
    for thread in senders:
        thread.start()
    assert turnstile.all_passed.wait(TIMEOUT_S)
    for thread in senders:
        thread.join(TIMEOUT_S)
    assert pool.stop(TIMEOUT_S)
    assert not turnstile.crowded
    for sender in range(4):
        assert [n for who, n in turnstile.passed if who == sender] == list(range(500))


def test_an_actor_with_much_mail_does_not_hold_up_the_others(pool: PoolDispatcher) -> None:
    """After ``throughput`` messages it goes back behind those that wait."""
    gate, order = threading.Event(), list[str]()
    blocker, busy, other = (Worker.start(pool) for _ in range(3))
    blocked = blocker.ask(lambda: gate.wait(TIMEOUT_S), block=False)
    for _ in range(3):
        busy.tell(lambda: order.append("busy"))
    last = other.ask(lambda: order.append("other"), block=False)
    gate.set()
    for future in (blocked, last, busy.ask(_nothing, block=False)):
        future.get(timeout=TIMEOUT_S)
    assert order.index("other") < order.index("busy", 1)
    assert order.count("busy") == 3


def test_an_actor_awakened_on_the_dispatchers_own_thread_runs(pool: PoolDispatcher) -> None:
    """Without a wake-up of the thread, whether it is told alone or with others."""
    done = [threading.Event(), threading.Event()]
    other = Worker.start(pool)

    def tell_on() -> None:
        other.tell(done[0].set)
        tell_each([(other, done[1].set)])

    Worker.start(pool).tell(tell_on)
    assert all(event.wait(TIMEOUT_S) for event in done)


def test_actors_told_together_all_run(pool: PoolDispatcher) -> None:
    """On their own dispatchers, be there several."""
    second = PoolDispatcher("second")
    second.start()
    names: SimpleQueue[str] = SimpleQueue()
    refs = [Worker.start(pool), Worker.start(second), Worker.start(pool)]
    tell_each((ref, lambda: names.put(threading.current_thread().name)) for ref in refs)
    found = sorted(names.get(timeout=TIMEOUT_S) for _ in refs)
    assert found == ["pool-0", "pool-0", "second-0"]
    assert second.stop(TIMEOUT_S)


def test_an_actor_that_can_wait_reads_at_leisure(pool: PoolDispatcher) -> None:
    """With its next mail, in order; one that cannot is awakened."""
    order: list[str] = []
    worker = Worker(pool)
    ref = worker.begin()
    ref.ask(_nothing, timeout=TIMEOUT_S)
    # Behind another actor's mail the first has gone to rest.
    Worker.start(pool).ask(_nothing, timeout=TIMEOUT_S)
    worker.mailbox.can_wait = True
    tell_each([(ref, lambda: order.append("at leisure"))], at_leisure=True)
    assert not worker.mailbox.scheduled
    assert not worker.mailbox.empty()
    ref.ask(lambda: order.append("next"), timeout=TIMEOUT_S)
    assert order == ["at leisure", "next"]
    worker.mailbox.can_wait = False
    done = threading.Event()
    tell_each([(ref, done.set)], at_leisure=True)
    assert done.wait(TIMEOUT_S)


def test_stop_runs_what_is_ready_first() -> None:
    """Also what that awakens."""
    pool = PoolDispatcher("pool")
    order: list[int] = []
    first, second = Worker.start(pool), Worker.start(pool)
    first.tell(lambda: order.append(1))
    first.tell(lambda: second.tell(lambda: order.append(2)))
    pool.start()
    assert pool.stop(TIMEOUT_S)
    assert order == [1, 2]


def test_stop_says_when_an_actor_does_not_end_in_time() -> None:
    """The caller decides what to do about it."""
    pool = PoolDispatcher("pool")
    pool.start()
    inside, gate = threading.Event(), threading.Event()

    def block() -> None:
        inside.set()
        gate.wait(TIMEOUT_S)

    Worker.start(pool).tell(block)
    assert inside.wait(TIMEOUT_S)
    assert not pool.stop(0.01)
    gate.set()
    assert pool.stop(TIMEOUT_S)


def test_a_crash_leaves_the_thread_to_the_other_actors(pool: PoolDispatcher) -> None:
    """An interruption as well."""

    def crash(error: BaseException) -> Callable[[], object]:
        def raise_it() -> object:
            raise error

        return raise_it

    for error in (LookupError("crash"), SystemExit(1)):
        worker = Worker.start(pool)
        worker.tell(crash(error))
        assert worker.stop(timeout=TIMEOUT_S) in (True, False)
        assert Worker.start(pool).ask(_nothing, timeout=TIMEOUT_S) == "pool-0"


def test_a_stop_that_blocks_waits_for_the_end(pool: PoolDispatcher) -> None:
    """The mail before it is handled by then."""
    order: list[int] = []
    worker = Worker.start(pool)
    worker.tell(lambda: order.append(1))
    assert worker.stop(timeout=TIMEOUT_S) is True
    assert order == [1]
    assert not worker.is_alive()
