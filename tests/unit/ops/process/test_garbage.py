"""The garbage collector is told to look rarely, and never at what was there at the start."""

from __future__ import annotations

import gc

from ops.process.garbage import MIDDLE_EVERY, OLD_EVERY, YOUNG_OBJECTS, tune_garbage_collection


def test_what_is_there_is_left_alone_and_the_rest_looked_at_rarely() -> None:
    """Python's own thresholds took half of the service's time."""
    before = gc.get_threshold()
    try:
        tune_garbage_collection()
        assert gc.get_threshold() == (YOUNG_OBJECTS, MIDDLE_EVERY, OLD_EVERY)
        assert gc.get_freeze_count() > 0
    finally:
        gc.unfreeze()
        gc.set_threshold(*before)
