"""Why and when to stop: a signal, a failure, and work that a stop interrupts."""

from __future__ import annotations

import asyncio
import logging
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from time import monotonic

import pytest

from ops.process.stopping import EXIT_FAILURE, LastResort, StopRequest, close_in_turn


async def test_a_signal_asks_for_an_orderly_stop() -> None:
    """Which is no failure."""
    stop = StopRequest(asyncio.get_running_loop())
    stop.on_signal(signal.SIGTERM)
    await asyncio.wait_for(stop.wait(), 5)
    assert stop.failure is None


async def test_the_first_failure_is_the_reason() -> None:
    """Those that follow follow from it."""
    stop = StopRequest(asyncio.get_running_loop())
    await asyncio.to_thread(stop.escalate, "the router crashed")
    await asyncio.wait_for(stop.wait(), 5)
    stop.escalate("the bus was closed")
    await asyncio.sleep(0)
    assert stop.failure == "the router crashed"


async def test_what_a_callback_raised_ends_the_process() -> None:
    """Nobody can tell what was left half done."""
    stop = StopRequest(asyncio.get_running_loop())
    stop.on_unhandled({"message": "in a callback", "exception": ArithmeticError("boom")})
    await asyncio.wait_for(stop.wait(), 5)
    assert stop.failure == "in a callback: ArithmeticError('boom')"


def test_a_failure_after_the_loop_has_ended_is_too_late_to_matter() -> None:
    """And raises nothing on the thread that tells it."""
    loop = asyncio.new_event_loop()
    stop = StopRequest(loop)
    loop.close()
    stop.escalate("late")
    assert stop.failure is None


async def test_work_that_is_done_before_a_stop_is_done() -> None:
    """And what it raises is raised."""
    stop = StopRequest(asyncio.get_running_loop())
    assert await stop.unless_wanted(asyncio.sleep(0))

    async def fail() -> None:
        raise ArithmeticError("boom")

    with pytest.raises(ArithmeticError, match="boom"):
        await stop.unless_wanted(fail())


async def test_work_that_a_stop_interrupts_is_cancelled_and_waited_for() -> None:
    """Starting may wait for a server that never comes."""
    stop = StopRequest(asyncio.get_running_loop())
    begun, ended = asyncio.Event(), asyncio.Event()

    async def wait_for_ever() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    starting = asyncio.create_task(stop.unless_wanted(wait_for_ever()))
    await begun.wait()
    stop.on_signal(signal.SIGINT)
    assert await asyncio.wait_for(starting, 5) is False
    assert ended.is_set()


async def test_a_signal_and_a_failure_are_one_beginning_of_the_stop() -> None:
    """From the first of them its deadline counts."""
    begun: list[None] = []
    stop = StopRequest(asyncio.get_running_loop(), lambda: begun.append(None))
    stop.on_signal(signal.SIGTERM)
    stop.escalate("the router crashed")
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert len(begun) == 1
    assert stop.failure == "the router crashed"


async def test_a_part_that_hangs_leaves_the_others_their_time(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """It may swallow its cancellation, too; its name is what was left undone."""
    done: list[str] = []
    end = asyncio.Event()

    async def hang() -> None:
        while not end.is_set():
            with suppress(asyncio.CancelledError):
                await end.wait()

    async def fail() -> None:
        raise ArithmeticError("boom")

    async def finish() -> None:
        done.append("last")

    loop = asyncio.get_running_loop()
    began_s = loop.time()
    with caplog.at_level(logging.WARNING):
        left = await close_in_turn({"hung": hang, "failed": fail, "last": finish}, 0.3)
    assert [vars(record)["part"] for record in caplog.records] == left
    assert left == ["hung", "failed"]
    assert done == ["last"]
    assert loop.time() - began_s < 2
    end.set()


async def test_a_start_that_swallows_its_cancellation_is_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Who was told to stop while it starts ends all the same."""
    monkeypatch.setattr("ops.process.stopping._CANCELLED_WITHIN_S", 0.05)
    stop = StopRequest(asyncio.get_running_loop())
    end = asyncio.Event()

    async def stubborn() -> None:
        while not end.is_set():
            with suppress(asyncio.CancelledError):
                await end.wait()

    asyncio.get_running_loop().call_soon(stop.on_signal, signal.SIGTERM)
    assert not await asyncio.wait_for(stop.unless_wanted(stubborn()), 5)
    end.set()


class End:
    """Notes the status with which the process would have ended."""

    def __init__(self) -> None:
        """Not ended yet."""
        self.status: int | None = None
        self.came = threading.Event()

    def __call__(self, status: int) -> None:
        """End."""
        self.status = status
        self.came.set()


def test_it_ends_with_the_status_that_was_said_last() -> None:
    """An orderly stop stays one, though a thread does not end."""
    end = End()
    resort = LastResort(end)
    resort.allow(60, 1, "the stop")
    resort.allow(0.05, 0, "a thread")
    assert end.came.wait(5)
    assert end.status == 0
    resort.call_off()


def test_a_later_deadline_does_not_move_the_first_one() -> None:
    """One deadline is over the whole stop, however many parts it has."""
    end = End()
    resort = LastResort(end)
    began_s = monotonic()
    resort.allow(0.1, 1, "the stop")
    resort.allow(60, 0, "servers")
    assert 0 < resort.left_s(20) <= 0.1
    assert end.came.wait(5)
    assert monotonic() - began_s >= 0.1
    resort.call_off()


def test_called_off_it_ends_nothing() -> None:
    """The process ended by itself, or is a test's."""
    end = End()
    resort = LastResort(end)
    resort.allow(0.2, 1, "the stop")
    resort.call_off()
    assert not end.came.wait(0.4)
    assert LastResort(end).left_s(20) == 20


LOOP_HANGS = """
import asyncio, signal, threading
from ops.process.stopping import EXIT_FAILURE, LastResort, StopRequest

async def hang():
    last_resort = LastResort()
    begun = lambda: last_resort.allow(0.2, EXIT_FAILURE, "the stop")
    stop = StopRequest(asyncio.get_running_loop(), begun)
    stop.on_signal(signal.SIGTERM)
    threading.Event().wait()

asyncio.run(hang())
"""


def test_a_process_whose_loop_hangs_is_ended() -> None:
    """Some time after the stop was wanted, with the status of a failure."""
    ended = subprocess.run([sys.executable, "-c", LOOP_HANGS], timeout=60, check=False)
    assert ended.returncode == EXIT_FAILURE
