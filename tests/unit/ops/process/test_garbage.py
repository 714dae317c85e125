"""The garbage collector is held back, and what it is for is swept up when nobody waits."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING

import pytest

from ops.process.garbage import (
    SWEEP_AFTER_S,
    SWEEP_AT_REST_AFTER_S,
    GarbageSweeps,
    hold_back_garbage_collection,
)

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def held_back() -> Iterator[None]:
    """Hold it back as the service does, for the time of a test."""
    hold_back_garbage_collection()
    yield
    gc.unfreeze()
    gc.enable()


class Knot:
    """What references never free: it holds itself."""

    left = 0

    def __init__(self) -> None:
        """Tie it."""
        self.itself = self
        Knot.left += 1

    def __del__(self) -> None:
        """Note that it is gone."""
        Knot.left -= 1


class Process:
    """A process at a time."""

    def __init__(self) -> None:
        """Begin at second 0, with no message."""
        self.now_s = 0.0
        self.taken = 0
        self.sweeps = GarbageSweeps(lambda: self.taken, lambda: self.now_s)

    def look(self, at_s: float) -> None:
        """Have it look at a time."""
        self.now_s = at_s
        self.sweeps.look()


def test_python_itself_collects_nothing_and_what_was_there_is_left_alone() -> None:
    """Its passes stop everything; what the start left is never walked."""
    assert not gc.isenabled()
    assert gc.get_freeze_count() > 0


def test_at_rest_it_is_swept_a_minute_after_the_last_time() -> None:
    """Nobody waits then."""
    process = Process()
    Knot()
    process.look(SWEEP_AT_REST_AFTER_S - 1)
    assert Knot.left == 1
    process.look(SWEEP_AT_REST_AFTER_S)
    assert Knot.left == 0
    Knot()
    process.look(SWEEP_AT_REST_AFTER_S + 1)
    assert Knot.left == 1
    process.look(2 * SWEEP_AT_REST_AFTER_S)
    assert Knot.left == 0


def test_while_messages_come_it_is_swept_once_an_hour() -> None:
    """However busy: errors have left something, perhaps."""
    process = Process()
    Knot()
    for at_s in (100.0, 1000.0, SWEEP_AFTER_S - 1):
        process.taken += 1
        process.look(at_s)
    assert Knot.left == 1
    process.taken += 1
    process.look(SWEEP_AFTER_S)
    assert Knot.left == 0
