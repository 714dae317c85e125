"""The ledger of a partition against brute force."""

from __future__ import annotations

import tracemalloc
from random import Random
from time import thread_time

from hypothesis import given
from hypothesis import strategies as st

from actors.rules.positions import BEGIN, Ledger, Place

WINDOW = 50_000


def place(sequence: int) -> Place:
    """Return a place whose timestamp goes with its sequence."""
    return Place(sequence, 1_700_000_000_000_000_000 + sequence, "log") if sequence else BEGIN


def test_the_position_of_a_partition_of_which_nothing_is_taken_is_where_the_reader_stands() -> None:
    """What the reader has skipped was nothing of the partition's."""
    ledger = Ledger(place(7))
    assert ledger.position(place(7)) == place(7)
    assert ledger.position(place(9)) == place(9)


def test_the_position_is_right_below_the_lowest_unsettled() -> None:
    """However many above it are settled."""
    ledger = Ledger(BEGIN)
    ledger.take(5, place(4))
    ledger.take(8, place(7))
    ledger.settle(8)
    assert (ledger.position(place(20)), len(ledger)) == (place(4), 1)
    ledger.settle(5)
    assert (ledger.position(place(20)), len(ledger)) == (place(20), 0)


def test_what_is_settled_again_or_was_never_taken_changes_nothing() -> None:
    """Settling is told more than once."""
    ledger = Ledger(BEGIN)
    ledger.take(5, place(4))
    ledger.settle(6)
    ledger.take(6, place(5))
    ledger.settle(5)
    ledger.settle(5)
    assert (ledger.position(place(6)), len(ledger)) == (place(5), 1)


def test_the_position_does_not_fall_when_the_reader_does() -> None:
    """A reader may begin anew below what a partition has reached."""
    ledger = Ledger(place(7))
    assert ledger.position(place(3)) == place(7)
    ledger.take(12, place(5))
    assert ledger.position(place(12)) == place(7)


STEPS = st.lists(st.tuples(st.sampled_from(["take", "skip", "settle", "ask"]), st.integers(0, 50)))


@given(STEPS, st.integers(0, 5))
def test_every_history_gives_the_positions_that_brute_force_does(
    steps: list[tuple[str, int]], begin: int
) -> None:
    """The highest sequence up to which all that was taken is settled, and no higher than read."""
    ledger, read, reached = Ledger(place(begin)), begin, begin
    unsettled: set[int] = set()
    for step, number in steps:
        match step:
            case "take":
                ledger.take(read + 1, place(read))
                read += 1
                unsettled.add(read)
            case "skip":
                read += 1
            case "settle":
                ledger.settle(number)
                unsettled.discard(number)
            case _:
                settled = [
                    sequence
                    for sequence in range(read + 1)
                    if not any(other <= sequence for other in unsettled)
                ]
                reached = max([reached, *settled])
                assert ledger.position(place(read)) == place(reached)
        assert len(ledger) == len(unsettled)


def test_a_full_window_is_cheap() -> None:
    """In memory, and in time when the lowest is settled last or position asked for each time."""
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    ledger = Ledger(BEGIN)
    for sequence in range(1, WINDOW + 1):
        ledger.take(sequence, place(sequence - 1))
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (after - before) / WINDOW < 300
    backwards = list(range(2, WINDOW + 1))
    Random(1).shuffle(backwards)
    begun_s = thread_time()
    for sequence in [*backwards, 1]:
        ledger.settle(sequence)
        ledger.position(place(WINDOW))
    assert ledger.position(place(WINDOW)) == place(WINDOW)
    # Quadratic in the window, it would be minutes; this is a tenth of a second.
    assert thread_time() - begun_s < 5
