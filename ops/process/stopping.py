"""Why and when the service is to stop: signals from outside, failures from inside."""

from __future__ import annotations

import asyncio
import logging
import os
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import signal
    from collections.abc import Awaitable, Callable, Mapping

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
        self._last_resort: Callable[[], None] | None = None
        self.failure: str | None = None

    def end_within(self, seconds: float) -> None:
        """Have the process ended so long after a stop is wanted, if it has not ended by itself.

        From a thread: whatever hangs may be the loop, or a name server that an executor waits for.
        """

        def end() -> None:
            logger.critical("service.stopped_at_once", extra={"after_s": seconds})
            os._exit(EXIT_FAILURE)

        def arm() -> None:
            timer = threading.Timer(seconds, end)
            timer.daemon = True
            timer.start()

        self._last_resort = arm

    def on_signal(self, number: signal.Signals) -> None:
        """Ask for an orderly stop; the second time, stop at once. Runs on the loop."""
        if self._wanted.is_set():
            logger.critical("service.stopped_at_once", extra={"signal": number.name})
            os._exit(EXIT_FAILURE)
        logger.info("service.stopping", extra={"signal": number.name})
        self._want()

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
        self._want()

    def _want(self) -> None:
        self._wanted.set()
        last_resort, self._last_resort = self._last_resort, None
        if last_resort is not None:
            last_resort()


async def close_in_turn(
    parts: Mapping[str, Callable[[], Awaitable[None]]], within_s: float
) -> None:
    """Close ``parts``, all of them within ``within_s``; one that hangs or fails is logged.

    What follows one that took all the time begins to close, and is not waited for.
    """
    loop = asyncio.get_running_loop()
    give_up_at_s = loop.time() + within_s
    for name, close in parts.items():
        task = asyncio.ensure_future(close())
        await asyncio.wait([task], timeout=max(0.0, give_up_at_s - loop.time()))
        if not task.done():
            task.cancel()
            logger.warning("service.not_closed", extra={"part": name, "error": "no answer"})
        elif (error := task.exception()) is not None:
            logger.warning("service.not_closed", extra={"part": name, "error": repr(error)})
