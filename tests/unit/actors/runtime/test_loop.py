"""The dispatcher on an event loop; a test waits for events only."""

from __future__ import annotations

import asyncio
import threading
from queue import SimpleQueue
from typing import TYPE_CHECKING

from actors.runtime import loop as loop_module
from actors.runtime.loop import LoopDispatcher
from actors.runtime.pooled import PooledActor, tell_each
from actors.runtime.sliced import GoOn, SlicedActor
from actors.runtime.turns import Turns
from tests.unit.actors.loop_thread import NAME, TIMEOUT_S, loop_thread

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import pytest


class Worker(PooledActor):
    """Does what it is told; answers with the name of its thread."""

    registered = False

    def on_receive(self, message: Callable[[], object]) -> str:
        """Do it."""
        message()
        return threading.current_thread().name


def _nothing() -> None:
    pass


def test_actors_run_on_the_loops_thread() -> None:
    """Whoever tells them, alone or many together."""
    told: SimpleQueue[str] = SimpleQueue()

    def tell() -> None:
        told.put(threading.current_thread().name)

    with loop_thread() as dispatcher:
        workers = [Worker.start(dispatcher) for _ in range(3)]
        assert workers[0].ask(_nothing, timeout=TIMEOUT_S) == NAME
        tell_each((worker, tell) for worker in workers)
        assert [told.get(timeout=TIMEOUT_S) for _ in workers] == [NAME] * 3


def test_each_senders_order_holds_and_nothing_is_lost() -> None:
    """Four threads at once, one actor, small batches."""
    passed: list[tuple[int, int]] = []
    ready = threading.Barrier(4, timeout=TIMEOUT_S)
    with loop_thread(throughput=3) as dispatcher:
        ref = Worker.start(dispatcher)

        def send(sender: int) -> None:
            ready.wait()
            for number in range(500):
                item = (sender, number)
                ref.tell(lambda item=item: passed.append(item))

        senders = [threading.Thread(target=send, args=(sender,)) for sender in range(4)]
        for thread in senders:
            thread.start()
        for thread in senders:
            thread.join(TIMEOUT_S)
        ref.ask(_nothing, timeout=TIMEOUT_S)
    for sender in range(4):
        assert [number for who, number in passed if who == sender] == list(range(500))


def test_an_actor_with_much_mail_does_not_hold_up_the_others() -> None:
    """After ``throughput`` messages it goes back behind those that wait."""
    order: list[str] = []

    async def run() -> None:
        dispatcher = LoopDispatcher(asyncio.get_running_loop(), throughput=1)
        busy, other = Worker.start(dispatcher), Worker.start(dispatcher)
        for _ in range(3):
            busy.tell(lambda: order.append("busy"))
        other.tell(lambda: order.append("other"))
        dispatcher.run_until_idle()

    asyncio.run(run())
    assert order == ["busy", "other", "busy", "busy"]


def test_the_loop_gets_its_turn_between_actors(monkeypatch: pytest.MonkeyPatch) -> None:
    """When the actors' time is up, what else is ready on the loop goes first."""
    monkeypatch.setattr(loop_module, "TURN_S", 0.0)
    order: list[str] = []

    async def run() -> None:
        loop = asyncio.get_running_loop()
        dispatcher = LoopDispatcher(loop)
        for number in range(2):
            Worker.start(dispatcher).tell(lambda number=number: order.append(f"actor {number}"))
        loop.call_soon(order.append, "loop")
        while len(order) < 3:  # noqa: ASYNC110  # the turns themselves are what is tested
            await asyncio.sleep(0)

    asyncio.run(run())
    assert order == ["actor 0", "loop", "actor 1"]


def test_an_actor_with_much_mail_gives_way_between_two_messages(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What is left of its mail comes with its next turn, in order; turns are measured."""
    monkeypatch.setattr(loop_module, "TURN_S", 0.0)
    order: list[str] = []
    turns = Turns()

    async def run() -> None:
        loop = asyncio.get_running_loop()
        worker = Worker.start(LoopDispatcher(loop, turns=turns))
        for number in range(3):
            worker.tell(lambda number=number: order.append(f"message {number}"))
        loop.call_soon(order.append, "loop")
        while len(order) < 4:  # noqa: ASYNC110  # the turns themselves are what is tested
            await asyncio.sleep(0)

    asyncio.run(run())
    assert order == ["message 0", "loop", "message 1", "message 2"]
    assert turns.longest_s > 0


def test_a_slice_has_a_turn_of_its_own_by_turns_with_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Begun late in a turn it would add to that; and many of them keep nobody waiting."""
    monkeypatch.setattr(loop_module, "TURN_S", 0.0)
    order: list[str] = []

    class Slicing(SlicedActor):
        def on_receive(self, message: object) -> None:
            if isinstance(message, GoOn):
                self.go_on()
            else:
                self.begin_slices(self._work())

        def _work(self) -> Iterator[None]:
            for _ in range(3):
                order.append("slice")
                yield

    async def run() -> None:
        dispatcher = LoopDispatcher(asyncio.get_running_loop())
        slicing, other = Slicing.start(dispatcher), Worker.start(dispatcher)
        slicing.tell("begin")

        def again() -> None:
            order.append("other")
            other.tell(again)

        other.tell(again)
        while order.count("slice") < 3:  # noqa: ASYNC110  # the turns themselves are what is tested
            await asyncio.sleep(0)

    asyncio.run(run())
    assert order[:5] == ["slice", "other", "slice", "other", "slice"]


def test_later_messages_come_in_the_order_of_what_is_due() -> None:
    """Set from within and from other threads; a dead actor's is dropped."""
    told: SimpleQueue[str] = SimpleQueue()
    with loop_thread() as dispatcher:
        worker, dead = Worker.start(dispatcher), Worker.start(dispatcher)
        dead.stop(timeout=TIMEOUT_S)
        dispatcher.tell_after(0.0, dead, lambda: told.put("never"))
        dispatcher.tell_after(TIMEOUT_S * 100, worker, lambda: told.put("never"))
        dispatcher.tell_after(0.05, worker, lambda: told.put("late"))
        worker.tell(lambda: dispatcher.tell_after(0.0, worker, lambda: told.put("soon")))
        assert [told.get(timeout=TIMEOUT_S) for _ in range(2)] == ["soon", "late"]
    assert told.empty()


def test_mail_for_a_loop_that_is_closed_is_dropped() -> None:
    """The process ends; what was not settled comes back from the broker."""
    with loop_thread() as dispatcher:
        worker = Worker.start(dispatcher)
        worker.ask(_nothing, timeout=TIMEOUT_S)
    worker.tell(_nothing)
    dispatcher.tell_after(0.0, worker, _nothing)
    dispatcher.run_until_idle()


def test_who_is_first_in_line_runs_before_all_others() -> None:
    """Also with the rest of much mail, and before who was told earlier; themselves in order."""
    order: list[str] = []

    async def run() -> None:
        dispatcher = LoopDispatcher(asyncio.get_running_loop(), throughput=1)
        other = Worker.start(dispatcher)
        hasty = [Worker.start(dispatcher.first) for _ in range(2)]
        other.tell(lambda: order.append("other"))
        tell_each((ref, lambda number=n: order.append(f"{number}")) for n, ref in enumerate(hasty))
        hasty[0].tell(lambda: order.append("0 again"))
        while len(order) < 4:  # noqa: ASYNC110  # the turns themselves are what is tested
            await asyncio.sleep(0)

    asyncio.run(run())
    assert order == ["0", "1", "0 again", "other"]


def test_what_is_told_at_leisure_is_read_with_the_next_mail() -> None:
    """In order."""
    order: list[str] = []
    with loop_thread() as dispatcher:
        worker = Worker(dispatcher)
        ref = worker.begin()
        ref.ask(_nothing, timeout=TIMEOUT_S)
        tell_each([(ref, lambda: order.append("at leisure"))], at_leisure=True)
        assert not worker.mailbox.scheduled
        assert not worker.mailbox.empty()
        ref.ask(lambda: order.append("next"), timeout=TIMEOUT_S)
        assert order == ["at leisure", "next"]


def test_a_crash_leaves_the_loop_to_the_other_actors() -> None:
    """An interruption as well."""

    def crash(error: BaseException) -> Callable[[], object]:
        def raise_it() -> object:
            raise error

        return raise_it

    with loop_thread() as dispatcher:
        for error in (LookupError("crash"), SystemExit(1)):
            worker = Worker.start(dispatcher)
            worker.tell(crash(error))
            assert worker.stop(timeout=TIMEOUT_S) in (True, False)
            assert Worker.start(dispatcher).ask(_nothing, timeout=TIMEOUT_S) == NAME


def test_coroutines_that_were_begun_end_or_are_abandoned() -> None:
    """Nothing of them is left on the loop afterwards."""
    ended: list[str] = []

    async def end(name: str, wait_s: float) -> None:
        try:
            await asyncio.sleep(wait_s)
        except asyncio.CancelledError:
            ended.append(f"{name} abandoned")
            raise
        ended.append(name)

    async def run() -> None:
        dispatcher = LoopDispatcher(asyncio.get_running_loop())
        dispatcher.begin(end("short", 0.0))
        dispatcher.begin(end("long", TIMEOUT_S))
        while not ended:  # noqa: ASYNC110  # the turns themselves are what is tested
            await asyncio.sleep(0)
        await dispatcher.abandon()
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(run())
    assert ended == ["short", "long abandoned"]


async def test_a_coroutine_that_raises_is_told_to_the_loops_handler() -> None:
    """At once, and not when it happens to be collected: an actor waits for it."""
    loop = asyncio.get_running_loop()
    told: list[object] = []
    loop.set_exception_handler(lambda _, context: told.append(context.get("exception")))
    dispatcher = LoopDispatcher(loop)
    error = RuntimeError("unexpected")

    async def fail() -> None:
        raise error

    dispatcher.begin(fail())
    kept = asyncio.all_tasks()  # so that none is collected
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert told == [error]
    assert kept
