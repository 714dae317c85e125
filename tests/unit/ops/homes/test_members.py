"""Instances side by side: what each is up to, and which partitions are on the move."""

from __future__ import annotations

from typing import Any

import pytest

from actors.rules.partitions import PARTITIONS, HomesView, Instance, InstanceID
from actors.rules.watching import NOTHING_SEEN, Watch, observe
from ops.homes.members import MemberFigures, Members, State, in_ranges, members_of
from tests.unit.ops.homes.views import LEASE_S, instance, partitions

NOBODY = InstanceID("")


def watched(*looks: tuple[Instance, ...], every_s: float = 0.75) -> Watch:
    """Return what one has seen after these looks."""
    watch = NOTHING_SEEN
    for number, instances in enumerate(looks):
        watch = observe(watch, instances, LEASE_S, number * every_s, number * every_s)
    return watch


def seen(*instances: Instance, looks: int = 4) -> Watch:
    """Return a watch in which all of these have beaten all the while."""
    return watched(
        *(
            tuple(one._replace(beat=one.beat + number) for one in instances)
            for number in range(looks)
        )
    )


def found(watch: Watch, homes: dict[int, str | None] | None = None) -> Members:
    """Return the members as somebody outside sees them at 160 s."""
    view = HomesView(tuple(one.instance for one in watch.seen.values()), partitions(homes or {}))
    figures = {InstanceID("a"): MemberFigures(12.5, 3, 0.5)}
    return members_of(view, watch, NOBODY, LEASE_S, 160.0, figures)


def test_an_instance_is_shown_with_what_it_has_and_says() -> None:
    """Its age is by its own clock, its beat by ours."""
    (member,) = found(seen(instance("a", address="127.0.0.1:8080"))).instances
    assert (member.name, member.state, member.age_s) == ("host-a", State.UP, 60)
    assert (member.beats, member.beat_age_s) == (True, 0.0)
    assert member.partitions == tuple(range(PARTITIONS))
    assert (member.taken_per_s, member.waiting, member.behind_s) == (12.5, 3, 0.5)
    assert (member.version, member.address) == ("1", "127.0.0.1:8080")


def test_what_an_instance_does_not_say_is_not_known() -> None:
    """It may have NATS_MICRO off."""
    a, b = found(seen(instance("a"), instance("b"))).instances
    assert a.waiting == 3
    assert (b.taken_per_s, b.waiting, b.behind_s) == (None, None, None)


@pytest.mark.parametrize(
    ("described", "state"),
    [
        ({}, State.UP),
        ({"leaving": True}, State.LEAVING),
        ({"reading": False}, State.CANNOT_READ),
        ({"schema": 1}, State.OLD),
    ],
)
def test_what_an_instance_is_up_to(described: dict[str, Any], state: State) -> None:
    """Beside one that is as it should be, which is given what the other cannot have."""
    both = found(seen(instance("a"), instance("b", **described)))
    assert {one.instance_id: one.state for one in both.instances} == {"a": State.UP, "b": state}
    assert len(both.moving) == (PARTITIONS // 2 if state is State.UP else 0)


def test_one_without_a_sign_of_life_is_silent_and_its_partitions_move() -> None:
    """Whoever is up is to have them."""
    a, b = instance("a"), instance("b")
    looks = [(a, b._replace(beat=number)) for number in range(6)]
    both = found(watched(*looks), {5: "b"})
    assert {one.instance_id: one.state for one in both.instances} == {
        "a": State.SILENT,
        "b": State.UP,
    }
    silent = both.instances[0]
    assert not silent.beats
    assert silent.beat_age_s == pytest.approx(3.75)
    moves = {(move.partition, move.home, move.should_be) for move in both.moving}
    assert moves == {(number, "a", "b") for number in range(PARTITIONS) if number != 5}


def test_one_that_was_seen_once_is_new() -> None:
    """It is given nothing yet."""
    a, b = instance("a"), instance("b")
    both = found(watched(*[(a._replace(beat=number),) for number in range(4)], (a, b)))
    assert {one.instance_id: one.state for one in both.instances}["b"] is State.NEW
    assert both.moving == ()


def test_one_too_many_stands_by() -> None:
    """65 instances have 64 partitions."""
    names = [f"{number:02}" for number in range(PARTITIONS + 1)]
    homes: dict[int, str | None] = dict(zip(range(PARTITIONS), names, strict=False))
    all_of_them = found(seen(*map(instance, names)), homes)
    standing_by = [one.name for one in all_of_them.instances if one.state is State.STANDS_BY]
    assert standing_by == ["host-64"]
    assert all_of_them.moving == ()


def test_where_nobody_is_up_nobody_is_to_have_anything() -> None:
    """Which is to be said, too."""
    none = members_of(HomesView((), partitions({})), NOTHING_SEEN, NOBODY, LEASE_S, 0, {})
    assert none.instances == ()
    assert {(move.home, move.should_be) for move in none.moving} == {("a", None)}


@pytest.mark.parametrize(
    ("numbers", "text"),
    [([], ""), ([3], "3"), ([1, 2], "1-2"), ([9, 0, 1, 2, 5, 8], "0-2, 5, 8-9")],
)
def test_numbers_are_written_in_ranges(numbers: list[int], text: str) -> None:
    """As one reads them."""
    assert in_ranges(numbers) == text
