"""A heartbeat: proof, for a supervisor outside, that the service's loops turn."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

logger = logging.getLogger("ops.heartbeat")

INTERVAL_S = 2.0


async def beat(file: Path, turn: Callable[[], Awaitable[object]]) -> None:
    """Touch ``file`` every two seconds, each time after ``turn`` came back; for ever.

    A reader calls the service dead when the file is older than a few intervals.
    """
    while True:
        await turn()
        try:
            file.touch()  # noqa: ASYNC240  # a system call of microseconds
        except OSError as error:
            logger.warning("heartbeat.failed", extra={"file": str(file), "error": str(error)})
        await asyncio.sleep(INTERVAL_S)
