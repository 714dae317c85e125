"""Why and when to stop: a signal, a failure, and work that a stop interrupts."""

from __future__ import annotations

import asyncio
import logging
import signal
import subprocess
import sys

import pytest

from ops.process.stopping import EXIT_FAILURE, StopRequest, close_in_turn


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


LOOP_HANGS = """
import asyncio, signal, threading
from ops.process.stopping import StopRequest

async def hang():
    stop = StopRequest(asyncio.get_running_loop())
    stop.end_within(0.2)
    stop.on_signal(signal.SIGTERM)
    threading.Event().wait()

asyncio.run(hang())
"""


def test_a_process_whose_loop_hangs_is_ended() -> None:
    """Some time after the stop was wanted, with the status of a failure."""
    ended = subprocess.run([sys.executable, "-c", LOOP_HANGS], timeout=60, check=False)
    assert ended.returncode == EXIT_FAILURE


async def test_what_hangs_or_fails_keeps_nothing_else_from_being_closed(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """In turn; all that came too late has begun to close all the same."""
    closed: list[str] = []

    async def close(name: str) -> None:
        closed.append(name)

    async def hang() -> None:
        closed.append("hangs")
        await asyncio.Event().wait()

    async def fail() -> None:
        raise ArithmeticError("boom")

    with caplog.at_level(logging.WARNING):
        await close_in_turn(
            {
                "first": lambda: close("first"),
                "fails": fail,
                "hangs": hang,
                "last": lambda: close("last"),
            },
            0.05,
        )
    await asyncio.sleep(0)
    assert closed == ["first", "hangs", "last"]
    assert [vars(record)["part"] for record in caplog.records][:2] == ["fails", "hangs"]
