"""Running histories: one, or many on all cores."""

from __future__ import annotations

import logging
import traceback
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from tests.simulation.checks import InvariantViolationError
from tests.simulation.process import PoisonedError
from tests.simulation.world import World

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

LINES_SHOWN = 60
"""Of a failed history, unless it is replayed."""


class Failure(NamedTuple):
    """A history that broke a promise."""

    seed: int
    what: str
    lines: list[str]
    """The history up to there."""

    def __str__(self) -> str:
        skipped = len(self.lines) - LINES_SHOWN
        head = [f"  … {skipped} earlier lines; replay them all with SEED={self.seed}"]
        shown = (head if skipped > 0 else []) + self.lines[-LINES_SHOWN:]
        return "\n".join([f"seed {self.seed}: {self.what}", *shown])


class _Complaints(logging.Handler):
    """Takes what the service logs as an error: nothing in a history but poison deserves it."""

    def __init__(self) -> None:
        """Take errors only."""
        super().__init__(logging.ERROR)
        self.errors: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Note an error."""
        error = str(getattr(record, "error", ""))
        if record.exc_info:
            error = "".join(traceback.format_exception(*record.exc_info))
        if PoisonedError.__name__ not in error:
            self.errors.append(f"{record.getMessage()}: {error}")


@contextmanager
def _listening() -> Iterator[_Complaints]:
    """Hear errors; warnings, which histories are full of, cost nothing and are shown nowhere."""
    complaints = _Complaints()
    root, disabled = logging.getLogger(), logging.root.manager.disable
    handlers, root.handlers = root.handlers, [complaints]
    logging.disable(logging.WARNING)
    try:
        yield complaints
    finally:
        logging.disable(disabled)
        root.handlers = handlers


def run_seed(seed: int) -> tuple[Failure | None, list[str]]:
    """Let one history happen; return how it failed, if it did, and all that happened."""
    world = World(seed)
    what: str | None = None
    with _listening() as complaints:
        try:
            world.run()
        except InvariantViolationError as error:
            what = str(error)
    if complaints.errors:
        what = f"{complaints.errors[0]} ({what})" if what else complaints.errors[0]
    lines = world.trace.lines()
    return None if what is None else Failure(seed, what, lines), lines


def first_failure(seeds: Iterable[int]) -> Failure | None:
    """Return the first of these histories that fails."""
    for seed in seeds:
        failure, _ = run_seed(seed)
        if failure is not None:
            return failure
    return None
