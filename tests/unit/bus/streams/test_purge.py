"""What may be purged: never a message that anybody still needs, and nothing on a guess."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from actors.rules.partitions import PARTITIONS
from actors.rules.positions import BEGIN, Place
from bus.streams.purge import purge_up_to

LOG = "2026-11-27T16:23:54.736029937Z"
ANOTHER = "2026-11-27T16:23:54.736029938Z"

PUT_AT = {sequence: sequence * 10 for sequence in range(1, 201)}

sequences = st.integers(1, 200)
settled = st.lists(sequences, min_size=PARTITIONS, max_size=PARTITIONS)


def places(numbers: list[int], log: str = LOG) -> list[Place]:
    """Return positions at these sequences, a partition each."""
    return [Place(number, number * 10, log) for number in numbers]


@given(settled, sequences)
def test_only_what_all_have_passed_and_is_old_goes(numbers: list[int], kept_from: int) -> None:
    """By brute force: each message of the log, judged by itself."""
    up_to = purge_up_to(places(numbers), LOG, PUT_AT, kept_from)
    assert up_to is not None
    goes = {sequence for sequence in range(1, 201) if sequence < up_to}
    expected = {
        sequence
        for sequence in range(1, 201)
        if all(sequence < number for number in numbers) and sequence < kept_from
    }
    assert goes == expected


@given(settled, sequences)
def test_what_a_position_stands_on_stays(numbers: list[int], kept_from: int) -> None:
    """It is asked for at the next beginning: gone, the log would be taken for another."""
    up_to = purge_up_to(places(numbers), LOG, PUT_AT, kept_from)
    assert up_to is not None
    assert all(number >= up_to for number in numbers)


@given(settled, st.integers(0, PARTITIONS - 1), st.sampled_from([BEGIN.log, ANOTHER]))
def test_one_position_of_another_log_keeps_everything(
    numbers: list[int], which: int, log: str
) -> None:
    """Its sequences are other messages' there; one without a log has read nothing of this one."""
    positions = places(numbers)
    positions[which] = positions[which]._replace(log=log)
    assert purge_up_to(positions, LOG, PUT_AT, 200) is None


@given(settled, st.integers(0, PARTITIONS - 1), st.booleans())
def test_one_position_on_a_message_that_was_lost_keeps_everything(
    numbers: list[int], which: int, refilled: bool
) -> None:
    """The broker lost its tail: what has these sequences now was read by nobody there."""
    put_at = {**PUT_AT}
    lost = numbers[which]
    for sequence in range(lost, 201):
        if refilled:
            put_at[sequence] += 1_000
        else:
            del put_at[sequence]
    assert purge_up_to(places(numbers), LOG, put_at, 200) is None


@given(st.lists(sequences, max_size=PARTITIONS - 1))
def test_a_partition_that_is_not_known_keeps_everything(numbers: list[int]) -> None:
    """Whoever comes to have it may want the first message."""
    assert purge_up_to(places(numbers), LOG, PUT_AT, 200) is None
