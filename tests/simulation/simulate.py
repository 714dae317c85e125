"""One history, from its seed to what came of it."""

from __future__ import annotations

import logging
import sys
import traceback
from collections import Counter
from contextlib import contextmanager
from random import Random
from typing import TYPE_CHECKING, NamedTuple

import pytest

from actors.rules.capacity import stored_bytes
from tests.simulation.course.plan import ROOM, draw_plan
from tests.simulation.course.traffic import ALARMS
from tests.simulation.course.whole import let_happen
from tests.simulation.oracle.watch import InvariantViolationError
from tests.simulation.world.poison import POISON
from tests.simulation.world.world import World

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tests.simulation.course.plan import Plan
    from tests.simulation.trace import Happening, Trace

LINES_SHOWN = 60
"""Of a failed history, unless it is replayed."""

_HEARD = ("actors", "bus")

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


_SAYS_SO = {"log.not_the_same", "log.discarded_unread"}
"""Errors that must be logged where a broker loses what it had."""

_KNOW_PARTITIONS = [
    name
    for name, module in sorted(sys.modules.items())
    if name.startswith(("actors.", "bus.", "store.")) and hasattr(module, "PARTITIONS")
]
"""Modules that have the number of partitions by name."""

_SLICES = (
    *[f"actors.user.{one}.ALARMS_IN_A_SLICE" for one in ("actor", "applying", "outbox", "state")],
    "actors.user.selection.ALARMS_IN_A_SLICE",
    "bus.inbound.careful.stretches.STRETCH",
)


class _Ear(logging.Handler):
    """Counts what is logged; keeps errors: nothing in a history but poison deserves one."""

    def __init__(self) -> None:
        """Hear all."""
        super().__init__()
        self.heard = Counter[str]()
        self.errors: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Count, and keep an error."""
        self.heard[record.msg] += 1
        if record.levelno < logging.ERROR or record.msg in _SAYS_SO:
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
    root, loggers = logging.getLogger(), [logging.getLogger(name) for name in _HEARD]
    handlers, levels = root.handlers, [logger.level for logger in loggers]
    root.handlers = [ear]
    for logger in loggers:
        logger.setLevel(logging.DEBUG)
    try:
        yield ear
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
        root.handlers = handlers


@contextmanager
def _circumstances(plan: Plan) -> Iterator[None]:
    """Give the code the small limits that a plan has."""
    with pytest.MonkeyPatch.context() as patch:
        for module in _KNOW_PARTITIONS:
            patch.setattr(f"{module}.PARTITIONS", plan.partitions)
        patch.setattr("actors.user.outbox.DIGEST_ALARMS_MAX", plan.digest_alarms_max)
        for place in _SLICES:
            patch.setattr(place, plan.slice_max)
        patch.setattr("actors.user.state.CHANGES_IN_A_SAVE", plan.changes_in_a_save)
        patch.setattr("actors.user.deliveries.SETTLED_AT_ONCE", plan.settled_at_once)
        if plan.crowded:
            patch.setattr("actors.user.state.ALARMS_SURELY_FIT", 0)
            patch.setattr("actors.user.state.USER_MAX_BYTES", _ROOM_BYTES)
        yield


def run_seed(seed: int) -> Outcome:
    """Let one history happen."""
    random = Random(seed)
    plan = draw_plan(random)
    broken: str | None = None
    with _listening() as ear, _circumstances(plan):
        world = World(plan, random)
        try:
            let_happen(world)
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
