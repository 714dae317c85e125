"""Blocking work beside an event loop, on threads that a stop of the process does not wait for."""

from __future__ import annotations

import asyncio
import threading
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


async def on_daemon_thread(work: Callable[[], T], name: str) -> T:
    """Return what ``work`` returns, or raise what it raises, once a thread called ``name`` did it.

    Executors' threads are joined when the interpreter ends: work that hangs on a database that
    does not answer would keep a stopped service from ending.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()

    def run() -> None:
        try:
            end = partial(_succeed, done, work())
        except Exception as error:
            end = partial(_fail, done, error)
        try:
            loop.call_soon_threadsafe(end)
        except RuntimeError:
            return  # the loop is closed: the process ends

    threading.Thread(target=run, name=name, daemon=True).start()
    return await done


def _succeed(done: asyncio.Future[T], result: T) -> None:
    if not done.cancelled():
        done.set_result(result)


def _fail(done: asyncio.Future[Any], error: Exception) -> None:
    if not done.cancelled():
        done.set_exception(error)
