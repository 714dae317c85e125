"""Blocking work beside a loop: its result, its error, and that nobody need wait for it."""

from __future__ import annotations

import asyncio
import threading

import pytest

from ops.process.daemons import on_daemon_thread


async def test_what_the_work_returns_comes_back() -> None:
    """Done on a thread of the given name, which does not keep the process."""

    def where() -> tuple[str, bool]:
        thread = threading.current_thread()
        return thread.name, thread.daemon

    assert await on_daemon_thread(where, "worker") == ("worker", True)


async def test_what_the_work_raises_is_raised() -> None:
    """As if it had been called."""

    def fail() -> None:
        raise ArithmeticError("boom")

    with pytest.raises(ArithmeticError, match="boom"):
        await on_daemon_thread(fail, "worker")


async def test_a_wait_can_be_given_up() -> None:
    """The work ends later, and its result is nobody's; the loop takes no harm."""
    go_on = threading.Event()
    trouble: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: trouble.append(context))
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(on_daemon_thread(go_on.wait, "worker"), 0.01)
    (worker,) = (thread for thread in threading.enumerate() if thread.name == "worker")
    go_on.set()
    await asyncio.to_thread(worker.join)
    await asyncio.sleep(0)
    assert trouble == []
