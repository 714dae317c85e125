"""Flood log: what may happen thousands of times a second, counted each time, told now and then."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

INTERVAL_S = 1.0


class FloodLog:
    """Counts; tells at once, then at most once an interval, and the last count. On the loop."""

    def __init__(
        self,
        tell: Callable[[int, str], None],
        call_later: Callable[[float, Callable[[], None]], object] | None = None,
    ) -> None:
        """Count from 0; ``tell(total, latest)`` is called on the loop.

        ``call_later(delay_s, action)`` stands for the loop's where there is none, in a simulation.
        """
        self.total = 0
        self._tell = tell
        self._call_later = call_later
        self._told = 0
        self._latest = ""
        self._waits = False

    def add(self, latest: str) -> None:
        """Count one more, of which ``latest`` says what it was."""
        self.total += 1
        self._latest = latest
        if not self._waits:
            self._tell_now()

    def close(self) -> None:
        """Tell what has not been told yet."""
        if self.total > self._told:
            self._told = self.total
            self._tell(self.total, self._latest)

    def _tell_now(self) -> None:
        self._told = self.total
        self._tell(self.total, self._latest)
        self._waits = True
        (self._call_later or asyncio.get_running_loop().call_later)(INTERVAL_S, self._look_again)

    def _look_again(self) -> None:
        self._waits = False
        if self.total > self._told:
            self._tell_now()
