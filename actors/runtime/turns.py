"""Turns: how long the event loop's thread was kept at a time, by its own CPU clock."""

from __future__ import annotations

from collections import deque
from time import thread_time

LOOKS = 15
"""Half a minute of the pulse: a scrape every fifteen seconds misses none."""


class Turns:
    """The longest turn of late. Used on the loop's thread, by all whose turns may be long.

    By the thread's CPU clock: on a machine that is busy a turn's time says more of the others.
    """

    __slots__ = ("_before_s", "_began_s", "_now_s")

    def __init__(self) -> None:
        """Begin with none."""
        self._began_s = 0.0
        self._before_s: deque[float] = deque(maxlen=LOOKS)
        self._now_s = 0.0

    def begin(self) -> None:
        """Note that a turn begins."""
        self._began_s = thread_time()

    def end(self) -> None:
        """Note that it ends."""
        took_s = thread_time() - self._began_s
        self._now_s = max(self._now_s, took_s)

    def look(self) -> None:
        """Begin a new period and forget the oldest; to be called at a steady pace."""
        self._before_s.append(self._now_s)
        self._now_s = 0.0

    @property
    def longest_s(self) -> float:
        """The longest turn of this period and the last ones, in seconds. On any thread."""
        return max((self._now_s, *self._before_s))
