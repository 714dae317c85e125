"""Who is up, as one instance sees it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from actors.rules.partitions import Instance, InstanceID
from actors.rules.watching import (
    NOTHING_SEEN,
    Watch,
    is_dead,
    is_outdated,
    is_settled,
    long_dead,
    next_change_s,
    observe,
    takers,
)

LEASE_S = 4.0
ME, A, B = InstanceID("me"), InstanceID("a"), InstanceID("b")


def up(
    name: InstanceID, beat: int = 1, *, leaving: bool = False, reading: bool = True, schema: int = 1
) -> Instance:
    """Return an instance as it describes itself."""
    return Instance(name, name, beat, leaving, reading, schema, None, "1", 0)


def look(watch: Watch, at_s: float, *instances: Instance) -> Watch:
    """Look, in no time."""
    return observe(watch, [up(ME), *instances], LEASE_S, at_s, at_s)


def looks(watch: Watch, begin_s: float, end_s: float, *instances: Instance) -> Watch:
    """Look once a second, and see the same."""
    moment_s = begin_s
    while moment_s <= end_s:
        watch = look(watch, moment_s, *instances)
        moment_s += 1.0
    return watch


def test_an_instance_is_dead_when_its_beat_has_not_changed_for_the_lease() -> None:
    """Not a moment before."""
    watch = looks(NOTHING_SEEN, 10, 13, up(A))
    assert not is_dead(watch, A, LEASE_S)
    assert is_dead(look(watch, 14, up(A)), A, LEASE_S)
    assert not is_dead(look(watch, 14, up(A, 2)), A, LEASE_S)


def test_an_instance_that_is_not_there_is_dead() -> None:
    """What it had is anybody's."""
    assert is_dead(look(NOTHING_SEEN, 10), A, LEASE_S)
    assert is_dead(NOTHING_SEEN, A, LEASE_S)


def test_a_time_without_looks_is_no_silence() -> None:
    """Nobody could beat while the store was away: it counts three eighths of the lease."""
    watch = looks(NOTHING_SEEN, 10, 12, up(A))
    watch = look(watch, 1000, up(A))
    assert watch.silence_s(A) == 2 + 1.5
    assert not is_dead(watch, A, LEASE_S)
    assert is_dead(look(watch, 1001, up(A)), A, LEASE_S)


def test_what_a_look_shows_may_have_happened_until_it_came_back() -> None:
    """And a look shows nothing later than its begin: silence lies between the two."""
    watch = observe(NOTHING_SEEN, [up(A)], LEASE_S, 10.0, 10.5)
    watch = observe(watch, [up(A)], LEASE_S, 11.0, 11.75)
    assert watch.silence_s(A) == 0.5
    watch = observe(watch, [up(A)], LEASE_S, 12.0, 12.25)
    assert watch.silence_s(A) == 1.5


def test_a_pause_in_the_middle_of_a_look_does_not_put_a_death_off() -> None:
    """It counts as little as any."""
    watch = observe(look(NOTHING_SEEN, 10, up(A)), [up(A)], LEASE_S, 11.0, 5000.0)
    assert is_dead(looks(watch, 5001, 5003, up(A)), A, LEASE_S)


@given(st.lists(st.tuples(st.floats(0, 9), st.floats(0, 9), st.booleans()), min_size=1))
def test_silence_is_never_more_than_the_time_since_the_beat_was_certainly_there(
    steps: list[tuple[float, float, bool]],
) -> None:
    """Whoever is dead for me has been silent for the lease: what a home relies on."""
    watch, now_s, beat, shown_s = NOTHING_SEEN, 0.0, 0, float("inf")
    for rest_s, look_s, beats in steps:
        began_s = now_s + rest_s
        now_s = began_s + look_s
        beat += beats
        watch = observe(watch, [up(A, beat)], LEASE_S, began_s, now_s)
        if beats or shown_s == float("inf"):
            shown_s = now_s
        assert watch.silence_s(A) <= max(0.0, began_s - shown_s) + 1e-6


def test_partitions_are_dealt_to_whoever_was_seen_to_beat_twice_and_for_a_second() -> None:
    """A process that starts and dies, over and over, gets nothing; I am there always."""
    watch = look(NOTHING_SEEN, 10, up(A))
    assert takers(watch, ME, LEASE_S) == {ME}
    assert takers(look(watch, 10.9, up(A, 2)), ME, LEASE_S) == {ME}
    assert takers(look(watch, 11, up(A)), ME, LEASE_S) == {ME}
    assert takers(look(watch, 11, up(A, 2)), ME, LEASE_S) == {ME, A}


def test_whoever_leaves_or_is_dead_gets_nothing() -> None:
    """Not even me."""
    watch = looks(NOTHING_SEEN, 10, 11, up(A), up(B))
    watch = look(watch, 12, up(A, 2), up(B, 2))
    assert takers(watch, ME, LEASE_S) == {ME, A, B}
    assert takers(look(watch, 13, up(A, 3, leaving=True), up(B, 2)), ME, LEASE_S) == {ME, B}
    assert takers(looks(watch, 13, 16, up(A), up(B, 2)), ME, LEASE_S) == {ME, A}
    alone = observe(NOTHING_SEEN, [up(ME, leaving=True)], LEASE_S, 10, 10)
    assert takers(alone, ME, LEASE_S) == set()


def test_whoever_comes_back_from_the_dead_is_a_newcomer() -> None:
    """It has to show that it beats again."""
    watch = looks(looks(NOTHING_SEEN, 10, 12, up(A)), 13, 18, up(A, 2))
    assert is_dead(watch, A, LEASE_S)
    watch = look(watch, 19, up(A, 3))
    assert takers(watch, ME, LEASE_S) == {ME}
    assert takers(look(watch, 20, up(A, 4)), ME, LEASE_S) == {ME, A}


def test_whoever_cannot_read_the_log_for_a_lease_gets_nothing_while_others_can() -> None:
    """When nobody can, all keep what they have."""
    watch = looks(NOTHING_SEEN, 10, 11, up(A))
    for beat, moment_s in enumerate((12.0, 13.0, 14.0), start=2):
        watch = look(watch, moment_s, up(A, beat, reading=False))
    assert takers(watch, ME, LEASE_S) == {ME, A}
    watch = look(watch, 15, up(A, 5, reading=False))
    assert takers(watch, ME, LEASE_S) == {ME}
    for moment_s in (16.0, 17.0, 18.0, 19.0):
        instances = [up(ME, reading=False), up(A, int(moment_s), reading=False)]
        watch = observe(watch, instances, LEASE_S, moment_s, moment_s)
    assert takers(watch, ME, LEASE_S) == {ME, A}


def test_whoever_cannot_read_what_the_newest_writes_gets_nothing() -> None:
    """Nor does the one that is told so by its own rules."""
    watch = look(NOTHING_SEEN, 10, up(A, schema=2), up(B))
    assert takers(watch, ME, LEASE_S) == {ME}
    assert takers(look(watch, 11, up(A, 2, schema=2), up(B, 2)), ME, LEASE_S) == {A}


def test_one_knows_who_is_up_once_all_that_were_there_beat_leave_or_are_dead() -> None:
    """Whoever comes later does not keep me waiting, or starts without end would."""
    assert is_settled(look(NOTHING_SEEN, 10), ME, LEASE_S)
    watch = look(NOTHING_SEEN, 10, up(A), up(B))
    assert not is_settled(look(watch, 11, up(A, 2), up(B)), ME, LEASE_S)
    assert is_settled(look(watch, 11, up(A, 2), up(B, 2)), ME, LEASE_S)
    assert is_settled(look(watch, 11, up(A, 2), up(B, leaving=True)), ME, LEASE_S)
    assert is_settled(look(watch, 11, up(A, 2)), ME, LEASE_S)
    assert is_settled(looks(watch, 11, 14, up(A), up(B)), ME, LEASE_S)
    later = look(look(NOTHING_SEEN, 10, up(A)), 11, up(A, 2), up(B))
    assert is_settled(later, ME, LEASE_S)


def test_the_next_change_is_a_death_or_the_end_of_a_newcomers_second() -> None:
    """One looks again then and not at the next round; nobody waits for me or who leaves."""
    watch = look(NOTHING_SEEN, 10, up(A))
    assert next_change_s(watch, ME, LEASE_S) == 1
    watch = look(watch, 11.5, up(A))
    assert next_change_s(watch, ME, LEASE_S) == 2.5
    assert next_change_s(look(watch, 12, up(A, leaving=True)), ME, LEASE_S) == float("inf")


def test_what_has_been_dead_for_ten_leases_is_to_be_forgotten() -> None:
    """Never me."""
    watch = looks(NOTHING_SEEN, 10, 49, up(A))
    assert long_dead(watch, ME, LEASE_S) == []
    assert long_dead(look(watch, 50, up(A)), ME, LEASE_S) == [A]


def test_what_a_newer_one_has_written_is_dealt_to_nobody_who_cannot_read_it() -> None:
    """It has rolled back: the old one stands by, and knows why, until a newer one is there."""
    watch = looks(NOTHING_SEEN, 10, 13, up(A))
    assert not is_outdated(watch, ME)
    schema = up(ME).schema
    watch = observe(watch, [up(ME), up(A, 2)], LEASE_S, 14.0, 14.0, schema + 1)
    assert takers(watch, ME, LEASE_S) == set()
    assert is_outdated(watch, ME)
    newer = [up(A, beat)._replace(schema=schema + 1) for beat in (3, 4)]
    for moment_s, instance in zip((15.0, 16.0), newer, strict=True):
        watch = observe(watch, [up(ME), instance], LEASE_S, moment_s, moment_s, schema + 1)
    assert takers(watch, ME, LEASE_S) == {A}
