"""Whose a user is, and who should have which partition."""

from __future__ import annotations

from collections import Counter
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.rules.alarms import UserID
from actors.rules.partitions import PARTITIONS, InstanceID, deal, partition_of

A, B, C, D = (InstanceID(name) for name in "ABCD")
HOMES = st.lists(st.sampled_from([A, B, C, D, None]), min_size=PARTITIONS, max_size=PARTITIONS)
TAKERS = st.sets(st.integers(0, 99).map(lambda number: InstanceID(f"i{number}")), min_size=1)


@pytest.mark.parametrize(
    ("user_id", "partition"),
    [
        ("a", 3),
        ("user-1", 20),
        ("alice@example.com", 41),
        ("a.b.c", 45),
        ("..", 28),
        ("Jürgen", 9),
        ("ä", 3),
        ("日本語", 37),
        ("🚨", 60),
        ("👩‍🚒 on call", 51),
        (" ", 5),
        ("__proto__", 54),
    ],
)
def test_a_user_has_the_partition_that_other_languages_compute(
    user_id: str, partition: int
) -> None:
    """CRC-32 as in zlib, PNG and gzip, of the UTF-8 bytes, modulo 64: part of the contract."""
    assert partition_of(UserID(user_id)) == partition


def _crc32_by_its_polynomial(data: bytes) -> int:
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0xEDB88320 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_the_partition_is_what_the_polynomial_says(user_id: str) -> None:
    """Computed bit by bit."""
    assert partition_of(UserID(user_id)) == _crc32_by_its_polynomial(user_id.encode()) % 64


@given(TAKERS, st.data())
def test_everybody_gets_the_floor_or_the_ceiling(
    takers: set[InstanceID], data: st.DataObject
) -> None:
    """Also with more takers than partitions, whoever had what."""
    homes = data.draw(
        st.lists(
            st.none() | st.sampled_from([*sorted(takers), A]),
            min_size=PARTITIONS,
            max_size=PARTITIONS,
        )
    )
    counts = Counter(deal(takers, homes))
    assert set(counts) <= takers
    shares = [counts[name] for name in takers]
    assert sum(shares) == PARTITIONS
    assert max(shares) - min(shares) <= 1


def _moves(before: tuple[InstanceID | None, ...], after: tuple[InstanceID | None, ...]) -> int:
    return sum(one != other for one, other in zip(before, after, strict=True))


@pytest.mark.parametrize("partitions", range(1, 6))
@pytest.mark.parametrize("takers", [(A,), (A, B), (A, B, C)])
def test_no_balanced_deal_moves_fewer(partitions: int, takers: tuple[InstanceID, ...]) -> None:
    """Against all deals, from wherever the partitions may be; D is dead."""
    balanced = []
    for candidate in product(takers, repeat=partitions):
        counts = [candidate.count(taker) for taker in takers]
        if max(counts) - min(counts) <= 1:
            balanced.append(candidate)
    for homes in product([*takers, D, None], repeat=partitions):
        dealt = deal(takers, homes)
        assert dealt in balanced
        assert _moves(homes, dealt) == min(_moves(homes, other) for other in balanced)


@given(st.permutations([A, B, C]), HOMES)
def test_the_order_in_which_instances_are_listed_is_nothing(
    takers: list[InstanceID], homes: list[InstanceID | None]
) -> None:
    """Two that see the same deal the same, and what was dealt is left as it is."""
    dealt = deal(takers, homes)
    assert dealt == deal([A, B, C], homes) == deal(iter(takers), homes)
    assert deal(takers, dealt) == dealt


@given(st.sets(st.sampled_from([A, B, C, D]), min_size=1), HOMES, st.data())
def test_what_was_dealt_does_not_change_while_it_is_carried_out(
    takers: set[InstanceID], homes: list[InstanceID | None], data: st.DataObject
) -> None:
    """Partitions are freed and claimed one by one, and everybody deals anew each time."""
    aim = deal(takers, homes)
    for number in data.draw(st.permutations(range(PARTITIONS))):
        homes[number] = aim[number]
        assert Counter(deal(takers, homes)) == Counter(aim)


def test_nobody_is_dealt_anything_when_nobody_takes() -> None:
    """All may be leaving."""
    assert deal([], [A, None, B]) == (None, None, None)


@pytest.mark.parametrize("size", [2, 3, 4, 5, 7])
def test_a_rolling_restart_moves_a_partition_twice_on_average(size: int) -> None:
    """Each instance goes, then another comes in its place."""
    olds = [InstanceID(f"old {number}") for number in range(size)]
    news = [InstanceID(f"new {number}") for number in range(size)]
    homes, moved = deal(olds, [None] * PARTITIONS), 0
    for number in range(size):
        left, came = olds[number + 1 :], news[: number + 1]
        for up in (left + came[:-1], left + came):
            dealt = deal(up, homes)
            moved += _moves(homes, dealt)
            homes = dealt
    assert moved / PARTITIONS <= 2.2
