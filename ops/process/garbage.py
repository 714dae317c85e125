"""Python's garbage collector, held back in a process that has a million small objects.

Its own passes stop everything while they walk what came since the last: at 9,000 messages a second
tens of milliseconds every second or two, for which a digest in a hundred waited. Counting
references frees what the service does all the time: user actors leave no cycles behind
(``actors.runtime.pooled`` breaks theirs when they stop), nor do messages, saves and digests. What
is left, of errors mostly, is swept up when nobody waits.
"""

from __future__ import annotations

import gc
import logging
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

logger = logging.getLogger("ops.garbage")

SWEEP_AT_REST_AFTER_S = 60.0
"""From the last sweep until the next, once no message comes between two looks."""
SWEEP_AFTER_S = 3600.0
"""And when messages come all the time: some 0.3 microseconds an object that came since."""


def hold_back_garbage_collection() -> None:
    """Leave alone what is there now, for ever, and the rest until it is swept."""
    gc.collect()
    gc.freeze()
    gc.disable()


class GarbageSweeps:
    """Looks now and then whether it is time to sweep. Runs on the event loop's thread."""

    def __init__(
        self, taken: Callable[[], int], monotonic_s: Callable[[], float] = time.monotonic
    ) -> None:
        """``taken`` counts messages."""
        self._taken = taken
        self._monotonic_s = monotonic_s
        self._taken_before = 0
        self._swept_at_s = monotonic_s()

    def look(self) -> None:
        """Sweep if nothing came since the last look, or if it is high time."""
        taken, now_s = self._taken(), self._monotonic_s()
        at_rest, self._taken_before = taken == self._taken_before, taken
        after_s = SWEEP_AT_REST_AFTER_S if at_rest else SWEEP_AFTER_S
        if now_s - self._swept_at_s >= after_s:
            self._swept_at_s = now_s
            self._sweep()

    def _sweep(self) -> None:
        """Free what is in cycles, of what came since the last time."""
        began_s = time.perf_counter()
        found = gc.collect()
        # What has survived is users mostly, and is not walked again.
        gc.freeze()
        took_s = round(time.perf_counter() - began_s, 3)
        logger.debug("garbage.swept", extra={"objects": found, "took_s": took_s})
