"""Flood log: what may happen thousands of times a second, counted each time, told now and then."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

INTERVAL_S = 1.0


class FloodLog:
    """Counts; tells at once, then at most once an interval, and the last count. On the loop."""

    def __init__(self, tell: Callable[[int, str], None]) -> None:
        """Count from 0; ``tell(total, latest)`` is called on the loop."""
        self.total = 0
        self._tell = tell
        self._told = 0
        self._latest = ""
        self._timer: asyncio.TimerHandle | None = None

    def add(self, latest: str) -> None:
        """Count one more, of which ``latest`` says what it was."""
        self.total += 1
        self._latest = latest
        if self._timer is None:
            self._tell_now()

    def close(self) -> None:
        """Tell what has not been told yet, and no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self.total > self._told:
            self._tell(self.total, self._latest)

    def _tell_now(self) -> None:
        self._told = self.total
        self._tell(self.total, self._latest)
        self._timer = asyncio.get_running_loop().call_later(INTERVAL_S, self._look_again)

    def _look_again(self) -> None:
        self._timer = None
        if self.total > self._told:
            self._tell_now()
