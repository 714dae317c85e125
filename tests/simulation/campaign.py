"""Many histories, on all cores."""

from __future__ import annotations

import os
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.simulation.simulate import run_seed

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.simulation.trace import Happening

_SEEDS_AT_A_TIME = 25


@dataclass(slots=True)
class Tally:
    """What happened in how many histories."""

    seeds: int = 0
    happenings: Counter[Happening] = field(default_factory=Counter)
    logged: Counter[str] = field(default_factory=Counter)
    stories: list[str] = field(default_factory=list)
    """Of those that broke a promise, in the order of their seeds."""

    def add(self, other: Tally) -> None:
        """Add what happened in other histories."""
        self.seeds += other.seeds
        self.happenings.update(other.happenings)
        self.logged.update(other.logged)
        self.stories += other.stories


def tally_of(seeds: range) -> Tally:
    """Let these histories happen one after the other, up to the first that breaks a promise."""
    tally = Tally()
    for seed in seeds:
        outcome = run_seed(seed)
        tally.seeds += 1
        tally.happenings.update(outcome.happenings)
        tally.logged.update(outcome.logged)
        if outcome.broken is not None:
            tally.stories.append(outcome.story())
            break
    return tally


@dataclass(frozen=True, slots=True)
class Report:
    """What came of a campaign."""

    tally: Tally
    elapsed_s: float
    cores: int

    def summary(self) -> str:
        """Return counts of everything that happened, and of what the actors logged."""
        tally = self.tally
        lines = [
            f"{tally.seeds:,} histories in {self.elapsed_s:.0f} s on {self.cores} cores",
            *(f"{count:>12,}  {what}" for what, count in tally.happenings.most_common()),
            "logged by the actors",
            *(f"{count:>12,}  {event}" for event, count in tally.logged.most_common()),
        ]
        return "\n".join(lines)


def run_campaign(seeds: range, progressed: Callable[[int], object]) -> Report:
    """Let histories happen on all cores, up to the first that breaks a promise.

    ``progressed`` is told how many more are over.
    """
    began_s, tally = time.monotonic(), Tally()
    cores = os.cpu_count() or 1
    chunks = [
        seeds[first : first + _SEEDS_AT_A_TIME] for first in range(0, len(seeds), _SEEDS_AT_A_TIME)
    ]
    with ProcessPoolExecutor(cores) as pool:
        for chunk_tally in pool.map(tally_of, chunks):
            tally.add(chunk_tally)
            progressed(chunk_tally.seeds)
            if tally.stories:
                pool.shutdown(wait=False, cancel_futures=True)
                break
    return Report(tally, time.monotonic() - began_s, cores)
