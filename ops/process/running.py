"""Running the service on its event loop until it is to stop: signals, and servers of its own."""

from __future__ import annotations

import asyncio
import logging
import signal
from typing import TYPE_CHECKING, Protocol

from bus.connection.tasks import LongTasks
from ops.process.stopping import EXIT_FAILURE, EXIT_OK, LastResort, StopRequest

if TYPE_CHECKING:
    from collections.abc import Callable

logger = logging.getLogger("main")

_LOOK_EVERY_S = 1.0
_LOOP = "tasks and threads that do not end"
LOOP_ENDS_WITHIN_S = 1.5
"""Behind the service's own end: what hangs then is no part of it, a name server's answer, say."""


class Runnable(Protocol):
    """What can be run until it is to stop."""

    async def run(self) -> bool:
        """Start, serve until a stop is wanted, stop in order; whether all was finished."""


class Companions(Protocol):
    """Processes that it cannot be without."""

    def dead(self) -> str | None:
        """Return the name of one that has ended by itself, if one has."""


async def run_until_stopped(
    make: Callable[[StopRequest], Runnable],
    companions: Companions,
    last_resort: LastResort,
    stop_within_s: float,
) -> int:
    """Make and run a service, with signals and failures led to its stop; return the exit status.

    Its stop takes ``stop_within_s`` at the most, then ``last_resort`` ends the process, as it does
    when the loop does not end soon afterwards. Raises ``SettingsError`` for a setting that turns
    out wrong.
    """
    loop = asyncio.get_running_loop()

    def allow() -> None:
        last_resort.allow(stop_within_s, EXIT_FAILURE, "the stop")

    stop = StopRequest(loop, allow)
    loop.set_exception_handler(lambda _, context: stop.on_unhandled(context))
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.on_signal, number)
    tasks = LongTasks(stop.escalate)
    tasks.start("companions watch", _watch(companions, stop))
    try:
        finished = await make(stop).run()
    except BaseException:
        last_resort.allow(LOOP_ENDS_WITHIN_S, EXIT_FAILURE, _LOOP)
        raise
    finally:
        await tasks.close()
    failed = stop.failure is not None or not finished
    status = EXIT_FAILURE if failed else EXIT_OK
    last_resort.allow(LOOP_ENDS_WITHIN_S, status, _LOOP)
    if not failed:
        logger.info("service.stopped")
    return status


async def _watch(companions: Companions, stop: StopRequest) -> None:
    while (name := companions.dead()) is None:  # noqa: ASYNC110  # a process has no event
        await asyncio.sleep(_LOOK_EVERY_S)
    stop.escalate(f"{name} has ended")
    await asyncio.Event().wait()  # that it is told is the end of its work, not of the task
