"""Watching goes on for as long as it takes to know who is up, and no longer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actors.rules.partitions import HomesView
from actors.rules.watching import NEWCOMER_S, is_dead
from ops.homes.watching import Watched, watch_until_known
from tests.unit.ops.homes.views import LEASE_S, instance, partitions, stored

if TYPE_CHECKING:
    from store.homes.browsing import StoredHomes


class Street:
    """Instances of which some beat, on a clock that sleeping moves."""

    def __init__(self, beating: set[str], silent: set[str], look_s: float = 0.01) -> None:
        """Have these; a look takes so long."""
        self.now_s = 1_000.0
        self._beating, self._silent, self._look_s = beating, silent, look_s

    def look(self) -> StoredHomes:
        """Return what is stored now; a beat is a second quarter of the lease."""
        self.now_s += self._look_s
        beat = int(self.now_s / (LEASE_S / 4))
        up = [instance(name, beat) for name in self._beating]
        gone = [instance(name, 7) for name in self._silent]
        return stored(HomesView((*up, *gone), partitions({})))

    def sleep(self, duration_s: float) -> None:
        """Let time pass."""
        self.now_s += duration_s

    def watch(self) -> tuple[Watched, float]:
        """Return what was seen, and how long it took."""
        began_s = self.now_s
        seen = watch_until_known(self.look, LEASE_S, lambda: self.now_s, self.sleep)
        return seen, self.now_s - began_s


def test_those_that_beat_are_known_in_little_more_than_a_second() -> None:
    """Newcomers are waited for."""
    seen, took_s = Street({"a", "b"}, set()).watch()
    assert NEWCOMER_S <= took_s < LEASE_S / 2
    assert all(one.beats > 1 for one in seen.watch.seen.values())


def test_one_that_is_silent_is_watched_for_the_lease() -> None:
    """And then is known to be dead."""
    seen, took_s = Street({"a"}, {"b"}).watch()
    dead = {one for one in seen.watch.seen if is_dead(seen.watch, one, LEASE_S)}
    assert dead == {"b"}
    assert LEASE_S <= took_s < LEASE_S * 1.3


def test_where_there_is_nobody_nobody_is_waited_for() -> None:
    """As before the first start."""
    seen, took_s = Street(set(), set()).watch()
    assert seen.watch.seen == {}
    assert took_s < 0.1


def test_it_ends_with_a_slow_database_too() -> None:
    """Whose looks take longer than beats are apart: what is not known then, is not known."""
    _, took_s = Street(set(), {"b"}, look_s=LEASE_S).watch()
    assert LEASE_S <= took_s <= 5 * LEASE_S
