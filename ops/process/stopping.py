"""Why and when the service is to stop: signals from outside, failures from inside."""

from __future__ import annotations

import asyncio
import logging
import os
from contextlib import suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import signal
    from collections.abc import Awaitable, Mapping

logger = logging.getLogger("ops.stopping")

EXIT_OK = 0
EXIT_FAILURE = 1
"""Something failed that a restart may cure."""


class StopRequest:
    """A stop that is wanted, once it is."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Create it on the loop's thread."""
        self._loop = loop
        self._wanted = asyncio.Event()
        self.failure: str | None = None

    def on_signal(self, number: signal.Signals) -> None:
        """Ask for an orderly stop; the second time, stop at once. Runs on the loop."""
        if self._wanted.is_set():
            logger.critical("service.stopped_at_once", extra={"signal": number.name})
            os._exit(EXIT_FAILURE)
        logger.info("service.stopping", extra={"signal": number.name})
        self._wanted.set()

    def escalate(self, failure: str) -> None:
        """Have the process end because of ``failure``; called on any thread."""
        with suppress(RuntimeError):  # the loop is closed: we are stopping already
            self._loop.call_soon_threadsafe(self._fail, failure)

    def on_unhandled(self, context: Mapping[str, Any]) -> None:
        """Escalate what a callback of the loop raised: nobody can tell what was left half done."""
        error = context.get("exception")
        logger.critical("loop.callback_failed", exc_info=error, extra={"about": context["message"]})
        self.escalate(f"{context['message']}: {error!r}")

    async def wait(self) -> None:
        """Return when a stop is wanted."""
        await self._wanted.wait()

    async def unless_wanted(self, work: Awaitable[object]) -> bool:
        """Do ``work`` unless a stop is wanted before it is done; whether it was done."""
        task = asyncio.ensure_future(work)
        stop = asyncio.create_task(self._wanted.wait())
        await asyncio.wait([task, stop], return_when=asyncio.FIRST_COMPLETED)
        stop.cancel()
        if task.done():
            task.result()
            return True
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return False

    def _fail(self, failure: str) -> None:
        logger.critical("service.failed", extra={"reason": failure})
        self.failure = self.failure or failure
        self._wanted.set()
