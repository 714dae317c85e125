"""Rates over samples of a count that grows. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

WORST_OF_S = 2.0
"""How long the worst stretch is that a goal speaks of."""


def worst_rate(samples: Sequence[tuple[float, int]], window_s: float) -> float:
    """Return the lowest rate a second over any stretch of at least ``window_s``.

    ``samples`` are seconds and counts, both growing; over all of them when they span less.
    """
    rates: list[float] = []
    end = 0
    for began_s, count in samples:
        while end < len(samples) and samples[end][0] - began_s < window_s:
            end += 1
        if end == len(samples):
            break
        ended_s, later = samples[end]
        rates.append((later - count) / (ended_s - began_s))
    if rates:
        return min(rates)
    (began_s, count), (ended_s, later) = samples[0], samples[-1]
    return (later - count) / (ended_s - began_s)
