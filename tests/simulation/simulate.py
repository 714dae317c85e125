"""One history, from its seed to what came of it."""

from __future__ import annotations

import logging
import traceback
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

import pytest

from actors.rules.capacity import stored_bytes
from tests.simulation.checks import InvariantViolationError
from tests.simulation.faults import POISON
from tests.simulation.history import ALARMS
from tests.simulation.plan import ROOM
from tests.simulation.world import World

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tests.simulation.trace import Happening, Trace

LINES_SHOWN = 60
"""Of a failed history, unless it is replayed."""

_ACTORS = "actors"

_ROOM_BYTES = ROOM * max(stored_bytes([alarm_id]) for alarm_id in ALARMS)


class Outcome(NamedTuple):
    """What came of a history."""

    seed: int
    trace: Trace
    logged: Counter[str]
    """How often the actors logged which event."""
    broken: str | None
    """The promise that was broken; None when all were kept."""

    @property
    def happenings(self) -> Counter[Happening]:
        """How often what happened."""
        return self.trace.counts

    def story(self) -> str:
        """Return what was broken and what happened before."""
        lines = self.trace.lines()
        skipped = len(lines) - LINES_SHOWN
        head = [f"  … {skipped} earlier lines; replay them all with SEED={self.seed}"]
        shown = (head if skipped > 0 else []) + lines[-LINES_SHOWN:]
        return "\n".join([f"seed {self.seed}: {self.broken}", *shown])


class _Ear(logging.Handler):
    """Counts what the actors log; keeps errors: nothing in a history but poison deserves one."""

    def __init__(self) -> None:
        """Hear all."""
        super().__init__()
        self.heard = Counter[str]()
        self.errors: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Count, and keep an error."""
        if record.name.startswith(_ACTORS):
            self.heard[record.msg] += 1
        if record.levelno < logging.ERROR:
            return
        error = str(getattr(record, "error", ""))
        if record.exc_info:
            error = "".join(traceback.format_exception(*record.exc_info))
        if POISON not in error:
            self.errors.append(f"{record.getMessage()}: {error}")


@contextmanager
def _listening() -> Iterator[_Ear]:
    """Hear what is logged; nothing is shown."""
    ear = _Ear()
    root, actors = logging.getLogger(), logging.getLogger(_ACTORS)
    handlers, level = root.handlers, actors.level
    root.handlers = [ear]
    actors.setLevel(logging.DEBUG)
    try:
        yield ear
    finally:
        actors.setLevel(level)
        root.handlers = handlers


def run_seed(seed: int) -> Outcome:
    """Let one history happen."""
    world = World(seed)
    broken: str | None = None
    with _listening() as ear, pytest.MonkeyPatch.context() as patch:
        patch.setattr("actors.user.actor.DIGEST_ALARMS_MAX", world.plan.digest_alarms_max)
        if world.plan.crowded:
            patch.setattr("actors.user.actor.ALARMS_SURELY_FIT", 0)
            patch.setattr("actors.user.actor.USER_MAX_BYTES", _ROOM_BYTES)
        try:
            world.run()
        except InvariantViolationError as error:
            broken = str(error)
        except Exception:  # a crash where no actor catches it
            broken = traceback.format_exc()
    if ear.errors:
        broken = f"{ear.errors[0]} ({broken})" if broken else ear.errors[0]
    return Outcome(seed, world.trace, ear.heard, broken)


def first_failure(seeds: Iterable[int]) -> Outcome | None:
    """Return the first of these histories that breaks a promise."""
    outcomes = map(run_seed, seeds)
    return next((outcome for outcome in outcomes if outcome.broken is not None), None)
