"""Who is to blame for a home's end is told from who only happened to be there."""

from __future__ import annotations

from random import Random

import pytest

from actors.rules.ends import (
    CAREFUL_FROM,
    NO_ENDS,
    SUSPECT_AT_LEAST,
    Ends,
    Stretch,
    after_end,
    after_freeing,
    condemned,
    is_doubtful,
    needed,
)
from actors.rules.partitions import InstanceID, Partition
from actors.rules.positions import Place

LOG = "made.1"


def at(sequence: int, log: str = LOG) -> Place:
    """Return a place."""
    return Place(sequence, 10 * sequence, log)


def stretch(first: int, last: int) -> Stretch:
    """Return a stretch of the log."""
    return Stretch(first, at(last))


def partition(ends: Ends = NO_ENDS, position: int = 7) -> Partition:
    """Return a partition whose home has had these ends before."""
    return Partition(1, InstanceID("dead"), 3, at(position), ends)


def ended(ends: Ends, *hands: Stretch | None, position: int = 7) -> Ends:
    """Return what is known after a home more has ended for each of ``hands``, with it in hand."""
    for hand in hands:
        ends = after_end(partition(ends._replace(in_hand=hand), position))
    return ends


def test_the_first_end_casts_no_doubt() -> None:
    """It is as good as always a kill, and its successor is to be quick."""
    ends = ended(NO_ENDS, None)
    assert ends == Ends(1, 7)
    assert not is_doubtful(partition(ends))


def test_a_second_end_where_the_position_stands_still_does() -> None:
    """Something may keep it there."""
    assert is_doubtful(partition(ended(NO_ENDS, None, None)))
    assert CAREFUL_FROM == 2


def test_ends_while_the_position_moves_cast_no_doubt() -> None:
    """However many: what was read was settled."""
    ends = NO_ENDS
    for position in range(20):
        ends = ended(ends, None, position=position)
        assert not is_doubtful(partition(ends, position))
    twice = ended(NO_ENDS, None, None)
    assert not is_doubtful(partition(twice, position=8))


def test_whoever_ends_before_it_has_anything_in_hand_adds_to_no_suspicion() -> None:
    """A version that does not even start condemns nobody, however often it is tried."""
    ends = ended(NO_ENDS, None, None, stretch(8, 8))
    assert ended(ends, *[None] * 50)[2:] == ends[2:] == (stretch(8, 8), 1, None)


def test_what_was_in_hand_is_suspect_and_casts_doubt_wherever_the_position_is_below() -> None:
    """Also when it has moved up to right below it."""
    ends = ended(NO_ENDS, None, None, stretch(8, 20))
    assert (ends.suspect, ends.times) == (stretch(8, 20), 1)
    assert is_doubtful(partition(ends, position=19))
    assert not is_doubtful(partition(ends, position=20))


def test_a_part_of_what_was_suspect_inherits_the_suspicion() -> None:
    """So that to find one of many takes one end more, not as many as it may have."""
    ends = ended(NO_ENDS, None, None, stretch(8, 20), stretch(15, 15))
    assert (ends.suspect, ends.times) == (stretch(15, 15), 2)


def test_another_message_in_hand_begins_anew() -> None:
    """What was suspect before was handled, and nobody died of it."""
    ends = ended(NO_ENDS, None, None, stretch(8, 8), stretch(8, 8), stretch(9, 9))
    assert (ends.suspect, ends.times) == (stretch(9, 9), 1)


def test_what_the_position_has_passed_is_suspect_no_more() -> None:
    """It is settled."""
    ends = ended(NO_ENDS, None, None, stretch(8, 8))
    assert after_end(partition(ends, position=8)) == Ends(1, 8)


def test_a_home_that_freed_in_order_had_nothing_in_hand() -> None:
    """Deployments count nothing; what was known stays known."""
    ends = ended(NO_ENDS, None, None, stretch(8, 8))
    freed = after_freeing(partition(ends._replace(in_hand=stretch(8, 8))))
    assert freed == ends
    assert after_freeing(partition()) == NO_ENDS


@pytest.mark.parametrize(("max_attempts", "times"), [(1, 3), (5, 3), (6, 4), (20, 18)])
def test_a_message_is_condemned_when_it_has_ended_as_many_as_it_may(
    max_attempts: int, times: int
) -> None:
    """Those that ended before anything was noted count; three must have had it in hand."""
    assert needed(max_attempts) == times
    hands = [stretch(8, 8)] * times
    assert condemned(ended(NO_ENDS, None, None, *hands), max_attempts) == at(8)
    assert condemned(ended(NO_ENDS, None, None, *hands[1:]), max_attempts) is None


def test_a_stretch_of_several_is_never_condemned() -> None:
    """Nor what is no suspect."""
    assert condemned(ended(NO_ENDS, *[stretch(8, 9)] * 50), 5) is None
    assert condemned(ended(NO_ENDS, *[None] * 50), 5) is None
    assert condemned(NO_ENDS, 1) is None


@pytest.mark.parametrize("seed", range(50))
def test_whoever_is_killed_at_random_condemns_nobody(seed: int) -> None:
    """But for a message in hand at three ends running: each home goes on where the last one was."""
    random, ends, position = Random(seed), NO_ENDS, 0
    in_hand: list[Stretch | None] = []
    for _ in range(200):
        first = position + random.randint(1, 20)
        hand = random.choice((None, stretch(first, first), stretch(first, first + 9)))
        in_hand.append(hand)
        ends = ended(ends, hand, position=position)
        found = condemned(ends, 1)
        if found is not None:
            last = [one for one in in_hand if one is not None][-SUSPECT_AT_LEAST:]
            assert len(last) == SUSPECT_AT_LEAST
            assert all(one.holds(found.sequence) for one in last)
        position += random.choice((0, 0, 0, 1, 30))
