"""Rates over samples of a count that grows."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.rates import worst_rate


def test_the_worst_stretch_is_found() -> None:
    """A hundred a second, and nothing between the fourth second and the seventh."""
    counts = [0, 100, 200, 300, 400, 400, 400, 400, 500, 600]
    samples = [(float(second), count) for second, count in enumerate(counts)]
    assert worst_rate(samples, 2.0) == 0
    assert worst_rate(samples, 6.0) == 50
    assert worst_rate(samples[:5], 2.0) == 100
    assert worst_rate(samples, 99.0) == pytest.approx(600 / 9)


@given(
    st.lists(st.tuples(st.floats(0.01, 1), st.integers(0, 50)), min_size=2, max_size=30),
    st.floats(0.1, 5),
)
def test_no_stretch_that_is_long_enough_is_worse(
    steps: list[tuple[float, int]], window_s: float
) -> None:
    """Against every pair of samples; a longer stretch holds a shortest one that is no better."""
    samples, at_s, count = [], 0.0, 0
    for step_s, more in steps:
        at_s, count = at_s + step_s, count + more
        samples.append((at_s, count))
    shortest = []
    for began_s, first in samples:
        later = [(b, c) for b, c in samples if b - began_s >= window_s]
        if later:
            shortest.append((later[0][1] - first) / (later[0][0] - began_s))
    if shortest:
        assert worst_rate(samples, window_s) == pytest.approx(min(shortest))
