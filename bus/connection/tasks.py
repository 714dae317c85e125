"""Tasks: what the service lives on. No long one may end unnoticed, and none at all raise so."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

logger = logging.getLogger("bus.tasks")

_ENDED_WITHIN_S = 1.0
"""A cancelled task may take so long to end; before Python 3.12 some never learn of it."""


def begin(name: str, coroutine: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
    """Run ``coroutine``, which is to end before long; the caller keeps the task.

    It must not raise: whoever waits for what it does would wait for ever. If it does, the loop's
    exception handler is told at once, which ends the process; asyncio itself would say so when
    the task is collected, if ever. Called on the event loop's thread.
    """
    loop = asyncio.get_running_loop()

    def ended(task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            about = {"message": f"the task {name} has failed", "exception": error, "task": task}
            loop.call_exception_handler(about)

    task = loop.create_task(coroutine, name=name)
    task.add_done_callback(ended)
    return task


class LongTasks:
    """Runs coroutines that are to run until ``close``. Used on one event loop's thread.

    One that ends by itself, or raises, ends the process with its name and reason: a supervisor
    that restarts it is worth more than a service that answers probes and does nothing.
    """

    def __init__(self, escalate: Callable[[str], None]) -> None:
        """Call ``escalate`` with the reason when one of them ends before ``close``."""
        self._escalate = escalate
        self._tasks: set[asyncio.Task[None]] = set()
        self._closing = False

    def start(self, name: str, coroutine: Coroutine[Any, Any, None]) -> None:
        """Run ``coroutine``, which is not to return; ``name`` is what a log calls it."""
        task = asyncio.get_running_loop().create_task(coroutine, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    async def close(self) -> None:
        """Cancel them, and return when they have ended, or will not."""
        self._closing = True
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=_ENDED_WITHIN_S)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if self._closing:
            return
        reason = "returned" if error is None else repr(error)
        logger.critical("task.ended", extra={"task": task.get_name()}, exc_info=error)
        self._escalate(f"the task {task.get_name()} has ended: {reason}")
