"""Long tasks: none ends unnoticed."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest

from bus.connection.tasks import LongTasks


async def _forever() -> None:
    await asyncio.Event().wait()


async def _raise() -> None:
    raise RuntimeError("the handler is closed")


async def _return() -> None:
    return


async def test_a_task_that_raises_ends_the_process_with_its_name_and_reason() -> None:
    """The writer to NATS once died of an error nobody expected, and the service hung for good."""
    reasons: list[str] = []
    tasks = LongTasks(reasons.append)
    tasks.start("writer", _raise())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert reasons == ["the task writer has ended: RuntimeError('the handler is closed')"]
    await tasks.close()


async def test_a_task_that_only_returns_has_ended_too() -> None:
    """Nobody does its work any more."""
    reasons: list[str] = []
    tasks = LongTasks(reasons.append)
    tasks.start("watch", _return())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert reasons == ["the task watch has ended: returned"]
    await tasks.close()


async def test_one_that_ignores_its_end_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Before Python 3.12 a cancellation may be lost; the stop of the service has a deadline."""
    monkeypatch.setattr("bus.connection.tasks._ENDED_WITHIN_S", 0.05)
    end = asyncio.Event()

    async def stubborn() -> None:
        while not end.is_set():
            with suppress(asyncio.CancelledError):
                await end.wait()

    tasks = LongTasks(pytest.fail)
    tasks.start("stubborn", stubborn())
    await asyncio.sleep(0)
    await asyncio.wait_for(tasks.close(), 5)
    end.set()


async def test_the_orderly_end_is_no_failure() -> None:
    """Cancelling them is how they end."""
    reasons: list[str] = []
    tasks = LongTasks(reasons.append)
    tasks.start("writer", _forever())
    await tasks.close()
    assert not reasons
