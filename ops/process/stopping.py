"""Why and when the service is to stop: signals from outside, failures from inside."""

from __future__ import annotations

import asyncio
import logging
import os
import threading
from contextlib import suppress
from time import monotonic
from typing import TYPE_CHECKING, Any

from ops.process.logs import flush_logging

if TYPE_CHECKING:
    import signal
    from collections.abc import Awaitable, Callable, Mapping

logger = logging.getLogger("ops.stopping")

EXIT_OK = 0
EXIT_FAILURE = 1
"""Something failed that a restart may cure."""

_CANCELLED_WITHIN_S = 1.0


async def within(seconds: float, work: Awaitable[object]) -> bool:
    """Do ``work``, and leave it where it is when it takes longer; whether it was done.

    What is cancelled may take its time to end, or never do: it is not waited for.
    """
    task = asyncio.ensure_future(work)
    await asyncio.wait([task], timeout=max(0.0, seconds))
    if task.done():
        task.result()
        return True
    task.cancel()
    task.add_done_callback(_look_away)
    return False


async def close_in_turn(
    parts: Mapping[str, Callable[[], Awaitable[object]]], within_s: float
) -> list[str]:
    """Close ``parts``, all of them within ``within_s``; return those that hang or fail.

    One that hangs has its share of the time, so that those behind it have theirs.
    """
    loop = asyncio.get_running_loop()
    give_up_at_s = loop.time() + within_s
    left: list[str] = []
    for number, (name, close) in enumerate(parts.items()):
        share_s = (give_up_at_s - loop.time()) / (len(parts) - number)
        try:
            error = None if await within(share_s, close()) else "no answer"
        except Exception as failure:
            error = repr(failure)
        if error is not None:
            logger.warning("service.not_closed", extra={"part": name, "error": error})
            left.append(name)
    return left


def _look_away(task: asyncio.Future[object]) -> None:
    if not task.cancelled():
        task.exception()


class StopRequest:
    """A stop that is wanted, once it is."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, begun: Callable[[], None] | None = None
    ) -> None:
        """Create it on the loop's thread; ``begun`` is called once, when a stop is wanted."""
        self._loop = loop
        self._begun = begun
        self._wanted = asyncio.Event()
        self.failure: str | None = None

    def on_signal(self, number: signal.Signals) -> None:
        """Ask for an orderly stop; the second time, stop at once. Runs on the loop."""
        if self._wanted.is_set():
            logger.critical("service.stopped_at_once", extra={"signal": number.name})
            flush_logging()
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
        task.add_done_callback(_look_away)
        await asyncio.wait([task], timeout=_CANCELLED_WITHIN_S)
        return False

    def _fail(self, failure: str) -> None:
        logger.critical("service.failed", extra={"reason": failure})
        self.failure = self.failure or failure
        self._want()

    def _want(self) -> None:
        if not self._wanted.is_set():
            self._wanted.set()
            if self._begun is not None:
                self._begun()


class LastResort:
    """Ends the process at a deadline, from a thread of its own. Called from any thread.

    An event loop that is stuck, or that waits at its own end for a thread that asks a name server
    which does not answer, cannot end itself.
    """

    def __init__(self, end: Callable[[int], object] = os._exit) -> None:
        """Set no deadline yet; ``end`` ends the process with a status."""
        self._end = end
        self._changed = threading.Condition()
        self._at_s: float | None = None
        self._latest_s: float | None = None
        self._status = 0
        self._left = ""
        self._thread: threading.Thread | None = None

    def allow(self, seconds: float, status: int, left: str) -> None:
        """End with ``status`` in so long, and not before; ``left`` says what was left undone.

        Never later than when it was set first: one deadline is over all of it.
        """
        with self._changed:
            at_s = monotonic() + seconds
            if self._latest_s is None:
                self._latest_s = at_s
            self._at_s, self._status, self._left = min(at_s, self._latest_s), status, left
            self._changed.notify()
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="last resort", daemon=True)
                self._thread.start()

    def left_s(self, most_s: float) -> float:
        """Return how long there is until the first deadline; ``most_s`` where none was set."""
        return most_s if self._latest_s is None else min(most_s, self._latest_s - monotonic())

    def call_off(self) -> None:
        """Set no deadline; the thread ends."""
        with self._changed:
            self._at_s = None
            self._changed.notify()
            thread, self._thread = self._thread, None
        if thread is not None and thread is not threading.current_thread():
            thread.join()

    def _run(self) -> None:
        with self._changed:
            while self._at_s is not None and (left_s := self._at_s - monotonic()) > 0:
                self._changed.wait(left_s)
            if self._at_s is None:
                return
        logger.critical("service.cut_off", extra={"left": self._left, "status": self._status})
        flush_logging()
        self._end(self._status)
