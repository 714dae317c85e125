"""Running the service on its event loop until it is to stop: signals, and servers of its own."""

from __future__ import annotations

import asyncio
import logging
import signal
from typing import TYPE_CHECKING, Protocol

from bus.connection.tasks import LongTasks
from ops.process.stopping import EXIT_FAILURE, EXIT_OK, StopRequest

if TYPE_CHECKING:
    from collections.abc import Callable

logger = logging.getLogger("main")

_LOOK_EVERY_S = 1.0


class Runnable(Protocol):
    """What can be run until it is to stop."""

    async def run(self) -> bool:
        """Start, serve until a stop is wanted, stop in order; whether all was finished."""


class Companions(Protocol):
    """Processes that it cannot be without."""

    def dead(self) -> str | None:
        """Return the name of one that has ended by itself, if one has."""


async def run_until_stopped(make: Callable[[StopRequest], Runnable], companions: Companions) -> int:
    """Make and run a service, with signals and failures led to its stop; return the exit status.

    Raises ``SettingsError`` for a setting that turns out wrong.
    """
    loop = asyncio.get_running_loop()
    stop = StopRequest(loop)
    loop.set_exception_handler(lambda _, context: stop.on_unhandled(context))
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.on_signal, number)
    tasks = LongTasks(stop.escalate)
    tasks.start("companions watch", _watch(companions, stop))
    try:
        finished = await make(stop).run()
    finally:
        await tasks.close()
    if stop.failure is not None or not finished:
        return EXIT_FAILURE
    logger.info("service.stopped")
    return EXIT_OK


async def _watch(companions: Companions, stop: StopRequest) -> None:
    while (name := companions.dead()) is None:  # noqa: ASYNC110  # a process has no event
        await asyncio.sleep(_LOOK_EVERY_S)
    stop.escalate(f"{name} has ended")
    await asyncio.Event().wait()  # that it is told is the end of its work, not of the task
