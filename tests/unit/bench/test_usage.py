"""What a stretch of work took."""

from __future__ import annotations

import os
import time

from bench.scenarios.instances import foreign_cost
from bench.usage import SERVICE, Stopwatch, Usage


def test_figures_are_of_a_message_and_of_a_second() -> None:
    """And each role's share is of a core."""
    usage = Usage(1000, 2.0, {SERVICE: 0.05, "nats": 1.0})
    assert usage.per_s == 500
    assert usage.cpu_us() == 50
    assert usage.cpu_us("nats") == 1000
    assert usage.figures()["cores"] == {SERVICE: 0.025, "nats": 0.5}


def test_a_stopwatch_counts_the_cpu_of_each_role() -> None:
    """User and system, of all its processes, from when it was made."""
    watch = Stopwatch({"me": [os.getpid()], "twice": [os.getpid(), os.getpid()], "nobody": []})
    until_s = time.process_time() + 0.1
    while time.process_time() < until_s:
        pass
    usage = watch.read(1)
    assert 0.08 <= usage.cpu_s["me"] <= usage.wall_s + 0.05
    assert usage.cpu_s["twice"] >= 1.5 * usage.cpu_s["me"]
    assert usage.cpu_s["nobody"] == 0


def test_what_an_instance_spends_at_rest_is_no_messages_cost() -> None:
    """Beats and timers go on, however many messages are another's."""
    own = Usage(10_000, 10.0, {SERVICE: 0.6})
    other = Usage(10_000, 10.0, {SERVICE: 0.15})
    cost = foreign_cost(own, other, Usage(1, 5.0, {SERVICE: 0.05}))
    assert round(cost["own_us"], 6) == 50
    assert round(cost["foreign_us"], 6) == 5
    assert round(cost["foreign_of_own"], 6) == 0.1
