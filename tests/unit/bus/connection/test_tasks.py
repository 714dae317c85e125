"""Tasks: no long one ends unnoticed, and none raises so."""

from __future__ import annotations

import ast
import asyncio
from contextlib import suppress

import pytest

from bus.connection.tasks import LongTasks, begin
from tests.service import ROOT
from tests.unit.test_rooms import PACKAGES, modules, named


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


async def test_a_short_task_that_raises_is_told_to_the_loop_at_once() -> None:
    """Its handler ends the process; asyncio tells it when the task is collected, if ever."""
    told: list[str] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, about: told.append(about["message"]))
    kept = [begin("flush", _raise()), begin("mending", _return())]
    await asyncio.wait(kept)
    await asyncio.sleep(0)
    assert told == ["the task flush has failed"]


async def test_a_short_task_that_is_cancelled_is_no_failure() -> None:
    """So it is ended at a stop."""
    asyncio.get_running_loop().set_exception_handler(lambda _, about: pytest.fail(str(about)))
    task = begin("flush", _forever())
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])
    await asyncio.sleep(0)
    assert task.cancelled()


BEGUN = {"create_task", "ensure_future", "TaskGroup"}
WATCHED = {
    "actors/runtime/loop.py": "begin: the loop's handler is told what it raises",
    "bus/connection/connection.py": "open and close wait for theirs",
    "bus/connection/tasks.py": "here",
    "bus/migration/migration.py": "a command, which waits for it",
    "main.py": "the stop waits for it",
    "ops/process/stopping.py": "it is waited for, and what it raises is raised",
}
"""Where tasks are begun otherwise than by ``LongTasks`` and ``begin``: who looks at their end."""


def test_every_task_is_begun_where_somebody_looks_at_its_end() -> None:
    """One that ends, or raises, unnoticed leaves a service that answers probes and does nothing."""
    begins = set()
    for module in [*modules(*PACKAGES), ROOT / "main.py"]:
        in_service = not named(module).startswith(("ops/cli/", "bench/", "chaos/"))
        calls = (one for one in ast.walk(ast.parse(module.read_text())) if in_service)
        if any(isinstance(one, ast.Attribute) and one.attr in BEGUN for one in calls):
            begins.add(named(module))
    assert begins == WATCHED.keys()
