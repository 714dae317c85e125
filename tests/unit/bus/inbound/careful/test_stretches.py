"""Suspects are taken alone, and noted with all that may die of them."""

from __future__ import annotations

from itertools import pairwise

from actors.rules.ends import NO_ENDS, SUSPECT_AT_LEAST, Ends, Stretch
from actors.rules.positions import Place
from bus.inbound.careful.stretches import (
    IN_HAND_S,
    LONG_STRETCH,
    NEAR,
    STRETCH,
    concerned,
    longest_stretch,
    next_stretch,
    rest_s,
    times_suspect,
)
from bus.inbound.log_source import LogMessage
from bus.wire.ownership import UNKNOWN


def messages(first: int, last: int) -> list[LogMessage]:
    """Return the messages of a log between two sequences."""
    return [LogMessage("s", b"", b"", number, number) for number in range(first, last + 1)]


def suspect(first: int, last: int, times: int = 1) -> Ends:
    """Return ends with something suspect."""
    return Ends(3, 1, Stretch(first, Place(last, last)), times)


def sequences(stretch: list[LogMessage]) -> list[int]:
    """Return the sequences of messages."""
    return [message.sequence for message in stretch]


def test_what_is_not_suspect_is_taken_together() -> None:
    """As many as it may be, of all there are."""
    assert sequences(next_stretch(messages(5, 9), [NO_ENDS])) == [5, 6, 7, 8, 9]
    assert len(next_stretch(messages(1, 2 * STRETCH), [])) == STRETCH


def test_a_suspect_is_taken_alone() -> None:
    """And what is before it without it; of any of the partitions."""
    ends = [NO_ENDS, suspect(7, 8)]
    assert sequences(next_stretch(messages(5, 9), ends)) == [5, 6]
    assert sequences(next_stretch(messages(7, 9), ends)) == [7]
    assert sequences(next_stretch(messages(8, 9), ends)) == [8]
    assert sequences(next_stretch(messages(9, 9), ends)) == [9]


def test_far_behind_the_position_more_are_taken_at_a_time() -> None:
    """A note for each few hundred made 100,000 take minutes."""
    assert (longest_stretch(NEAR - 1), longest_stretch(NEAR)) == (STRETCH, LONG_STRETCH)
    most = longest_stretch(NEAR)
    assert len(next_stretch(messages(1, 2 * most), [], most)) == most


def test_who_always_ends_as_long_after_its_start_does_not_always_end_with_one_in_hand() -> None:
    """A server that is not there, say: then what waits for it would be set aside."""
    begins = [0.0, *(rest_s(times) for times in range(1, SUSPECT_AT_LEAST))]
    for one, next_one in pairwise(begins):
        assert next_one > one + IN_HAND_S


def test_a_message_is_as_suspect_as_in_any_partition() -> None:
    """Not at all in most."""
    [message] = messages(7, 7)
    assert times_suspect(message, [NO_ENDS, suspect(7, 7), suspect(1, 9, 4)]) == 4
    assert times_suspect(message, [NO_ENDS, suspect(8, 9)]) == 0


def test_who_is_shown_to_be_the_owner_has_it_in_hand_alone() -> None:
    """If it reads it; nobody else ever decodes it."""
    assert concerned([1, 2, 3], messages(5, 7), {1: 0, 2: 9}) == {1}


def test_what_must_be_decoded_to_know_is_in_everybodys_hand() -> None:
    """But for those who have read it."""
    assert concerned([UNKNOWN], messages(5, 5), {1: 0, 2: 9, 3: 4}) == {1, 3}
