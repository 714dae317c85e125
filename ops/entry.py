"""What runs first: signals are obeyed and streams are there before the rest is imported.

The kernel keeps from process 1, which a service is in its container, whatever it has no handler
for; and a traceback is no answer to Ctrl-C. So this imports next to nothing.
"""

from __future__ import annotations

import runpy
import signal
import sys
from typing import TYPE_CHECKING, NoReturn

from ops.process.streams import open_streams

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

_SIGNALLED = 128
"""The exit status of who is ended by a signal is its number and this, as shells have it."""


class Terminated(SystemExit):
    """Raised on the main thread by a SIGTERM that nobody else has taken over."""


def begin() -> None:
    """Obey SIGTERM and SIGINT from here on, and make the standard streams ours.

    Call it on the main thread, before anything else is imported.
    """
    signal.signal(signal.SIGTERM, _terminate)
    # Ignored it is for a job in a shell's background, whose Ctrl-C is meant for another one.
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        # Not Python's own handler: asyncio would take its place, and wait for the task that runs,
        # be it held up by a pipe that nobody reads.
        signal.signal(signal.SIGINT, _interrupt)
    sys.excepthook = _on_uncaught
    open_streams()


def program() -> NoReturn:
    """Run the command ``alarm-digest``, which is on PATH where the package is installed."""
    runpy.run_module("main", run_name="__main__")
    raise AssertionError("it ends with its exit status")


def _terminate(number: int, _: object) -> NoReturn:
    # The service has begun nothing yet that it could leave undone: it was stopped in order.
    raise Terminated(0 if _is_service(sys.argv[1:]) else _SIGNALLED + number)


def _is_service(arguments: Sequence[str]) -> bool:
    """Whether the program is called without a command, which would stand before its options."""
    return not arguments or arguments[0].startswith("-")


def _interrupt(number: int, _: object) -> NoReturn:
    raise KeyboardInterrupt(number)


def _on_uncaught(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    # The interpreter ends itself by the signal afterwards: shells see that it was interrupted.
    if not issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)
