"""How long a home actor rests between two rounds."""

from __future__ import annotations

import pytest

from actors.homes.rounds import LATE_S, ROUNDS_PER_LEASE, SHORTEST_REST, rest_s
from actors.rules.partitions import Instance, InstanceID
from actors.rules.watching import NOTHING_SEEN, Watch, observe

LEASE_S = 16.0
ME, OTHER = InstanceID("me"), InstanceID("other")


def seen(at_s: float, watch: Watch = NOTHING_SEEN, beat: int = 1) -> Watch:
    """Look, in no time, and see both."""
    both = [
        Instance(
            one,
            one,
            beat,
            leaving=False,
            reading=True,
            schema=1,
            address=None,
            version="1",
            started_at_s=0,
        )
        for one in (ME, OTHER)
    ]
    return observe(watch, both, LEASE_S, at_s, at_s)


def rest(watch: Watch, began_s: float, now_s: float, *, unfinished: bool = False) -> float:
    """Return the rest after a round."""
    return rest_s(watch, ME, LEASE_S, began_s=began_s, now_s=now_s, unfinished=unfinished)


def test_a_round_begins_a_quarter_of_the_lease_after_the_last_one() -> None:
    """However long that took."""
    assert rest(NOTHING_SEEN, 10.0, 11.0) == LEASE_S / ROUNDS_PER_LEASE - 1.0


@pytest.mark.parametrize(("now_s", "unfinished"), [(1000.0, False), (10.0, True)])
def test_there_is_always_some_rest(now_s: float, *, unfinished: bool) -> None:
    """A store that answers slowly, or what others race for, must not make it spin."""
    assert rest(NOTHING_SEEN, 10.0, now_s, unfinished=unfinished) == SHORTEST_REST * LEASE_S


def test_it_is_there_when_another_will_be_dead() -> None:
    """What the dead had at home waits for somebody."""
    watch = seen(10.0)
    for at_s in (12.0, 16.0, 20.0, 24.0):
        watch = seen(at_s, watch)
    dead_at_s = 10.0 + LEASE_S
    assert rest(watch, 24.0, 24.0) == pytest.approx(dead_at_s + LATE_S - 24.0)
