"""Time: one course of it, and each instance's own idea of it."""

from __future__ import annotations

import heapq
import itertools
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

WALL_S = 1_700_000_000
"""When histories begin, in seconds since 1970."""


class Time:
    """The world's time, and what happens later in it. Moves only when told to."""

    def __init__(self) -> None:
        """Begin at 0, with nothing to happen."""
        self.now_s = 0.0
        self._numbers = itertools.count()
        self._later: list[tuple[float, int, Callable[[], None]]] = []

    def call_after(self, delay_s: float, action: Callable[[], None]) -> None:
        """Do ``action`` when so much time has passed."""
        heapq.heappush(self._later, (self.now_s + delay_s, next(self._numbers), action))

    def next_at_s(self) -> float:
        """Return when the next thing happens; never, if nothing does."""
        return self._later[0][0] if self._later else float("inf")

    def go_on(self) -> None:
        """Move to what happens next, and let it happen; late, if time was past it."""
        at_s, _, action = heapq.heappop(self._later)
        self.now_s = max(self.now_s, at_s)
        action()

    @property
    def now_ns(self) -> int:
        """Nanoseconds since 1970, as a broker sees it."""
        return int((WALL_S + self.now_s) * 1_000_000_000)


class OwnClock:
    """An instance's ``Clock``: it began whenever, goes too fast or too slow, is set wrong."""

    def __init__(self, time: Time, began_s: float, rate: float, wall_error_s: float) -> None:
        """See the world's time as if it were ``began_s`` at its beginning."""
        self._time = time
        self._began_s = began_s
        self.rate = rate
        self._wall_error_s = wall_error_s

    def monotonic_s(self) -> float:
        """See ``Clock``; goes on while its instance is paused."""
        return self._began_s + self._time.now_s * self.rate

    def wall_s(self) -> int:
        """See ``Clock``."""
        return WALL_S + int(self._time.now_s + self._wall_error_s)
