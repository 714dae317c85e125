"""Python's garbage collector, set for a process that holds a million small objects.

Each full collection walks all of them: with the default thresholds it took half of the service's
time. User actors leave no cycles behind (``actors.runtime.pooled`` breaks theirs when they stop):
counting references frees nearly everything; what is left, tracebacks mostly, can wait.
"""

from __future__ import annotations

import gc

YOUNG_OBJECTS = 500_000
"""Net allocations between collections of the youngest, tens of milliseconds each: more than the
messages in flight make, so that only users that come into memory bring one about."""
MIDDLE_EVERY = 50
OLD_EVERY = 1000


def tune_garbage_collection() -> None:
    """Leave alone what is there now, and look at the rest rarely."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS, MIDDLE_EVERY, OLD_EVERY)
