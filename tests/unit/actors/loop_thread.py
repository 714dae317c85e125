"""An event loop on a thread of its own, with a dispatcher on it."""

from __future__ import annotations

import asyncio
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from actors.runtime.loop import LoopDispatcher

if TYPE_CHECKING:
    from collections.abc import Iterator

TIMEOUT_S = 10.0
NAME = "loop"


@contextmanager
def loop_thread(throughput: int = 64) -> Iterator[LoopDispatcher]:
    """Run a loop for the time of a ``with``; its thread is called ``NAME``."""
    made: list[LoopDispatcher] = []
    running, ended = threading.Event(), asyncio.Event()
    loop = asyncio.new_event_loop()

    async def run() -> None:
        made.append(LoopDispatcher(loop, throughput))
        running.set()
        await ended.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(run(),), name=NAME)
    thread.start()
    assert running.wait(TIMEOUT_S)
    try:
        yield made[0]
    finally:
        loop.call_soon_threadsafe(ended.set)
        thread.join(TIMEOUT_S)
        loop.close()
    assert not thread.is_alive()
