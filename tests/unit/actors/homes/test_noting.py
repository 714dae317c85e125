"""What is in hand is noted at the epoch of its home, until it is stored."""

from __future__ import annotations

from actors.homes.noting import AGAIN_S, Noting
from actors.rules.ends import NO_ENDS, Stretch
from actors.rules.positions import Place
from tests.unit.actors.homes.street import Street, street_of

HAND = Stretch(8, Place(9, 90, "made.1"))


def test_it_is_stored_before_it_is_said_to_be() -> None:
    """By partition; and forgotten when it is over."""
    street, [one] = street_of(1)
    said: list[str] = []
    notes = Noting(one.ref, 5)
    assert notes.max_attempts == 5
    notes.note({3: HAND, 4: None}, lambda: said.append("noted"), over=False)
    assert street.view().partitions[3].ends == NO_ENDS
    street.run(0.1)
    assert said == ["noted"]
    assert street.view().partitions[3].ends.in_hand == HAND
    notes.note({3: None}, lambda: said.append("over"), over=True)
    street.run(0.1)
    assert street.view().partitions[3].ends == NO_ENDS
    assert said == ["noted", "over"]


def test_it_is_tried_again_until_the_store_answers() -> None:
    """Nothing is read meanwhile."""
    street, [one] = street_of(1)
    said: list[str] = []
    street.store_is_away = True
    Noting(one.ref, 5).note({3: HAND}, lambda: said.append("noted"), over=False)
    street.run(1.5)
    assert said == []
    street.store_is_away = False
    street.run(1.0 + AGAIN_S)
    assert said == ["noted"]
    assert street.view().partitions[3].ends.in_hand == HAND


def test_what_is_not_at_home_here_any_more_is_left_out() -> None:
    """It is read no more, and what is read with it goes on."""
    street, [one, other] = street_of(2)
    [theirs, *_] = other.has()
    said: list[str] = []
    Noting(one.ref, 5).note({theirs: HAND}, lambda: said.append("noted"), over=False)
    street.run(0.1)
    assert said == ["noted"]
    assert street.view().partitions[theirs].ends == NO_ENDS


def test_a_killed_homes_end_is_counted_and_one_in_order_is_not() -> None:
    """By whoever takes over."""
    street = Street()
    first = street.start()
    street.run(3.0)
    second = street.start()
    street.run(5.0)
    Noting(first.ref, 5).note(dict.fromkeys(first.has(), HAND), lambda: None, over=False)
    street.run(0.1)
    killed, stays = first.has(), second.has()
    first.kill()
    street.run(6.0)
    partitions = street.view().partitions
    assert {partitions[number].ends.homes for number in killed} == {1}
    assert {partitions[number].ends.suspect for number in killed} == {HAND}
    assert {partitions[number].ends for number in stays} == {NO_ENDS}
    second.leave()
    street.run(3.0)
    street.start()
    street.run(6.0)
    partitions = street.view().partitions
    assert {partitions[number].ends.homes for number in killed} == {1}
    assert {partitions[number].ends for number in stays} == {NO_ENDS}
