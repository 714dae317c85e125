"""When users that have changed are to save."""

from __future__ import annotations

import pytest

from actors.pacing import (
    ASKED_S,
    GROUP_WHILE_ASKED,
    QUIET_S,
    TICK_MAX_S,
    Paced,
    SavePacing,
)

INTERVAL_S = 8.0


def _with_users(count: int, interval_s: float = 2.0) -> SavePacing[int, Paced]:
    """Return a pacing with so many users that change at second 10 for the first time."""
    pacing = SavePacing[int, Paced](interval_s, 1000)
    for name in range(count):
        pacing.save_later(name, Paced(), 10.0)
    return pacing


@pytest.mark.parametrize("interval_s", [0.08, 0.2, 2.0, 60.0])
def test_no_tick_has_more_than_a_moment_of_saves(interval_s: float) -> None:
    """Users who change evenly are told to save evenly, an interval later, not in heaps."""
    pacing = SavePacing[int, Paced](interval_s, 1000)
    users = [Paced() for _ in range(800)]
    step_s = interval_s / len(users)
    for name, user in enumerate(users):
        pacing.save_later(name, user, 10.0 + name * step_s)
    told = 0
    now_s = 10.0
    most = pacing.tick_s / step_s + 1
    while now_s < 10.0 + 2 * interval_s + pacing.tick_s:
        now_s += pacing.tick_s
        pacing.mail_came(now_s)
        pacing.tick(now_s, 0.0)
        group = pacing.next_group(now_s)
        assert len(group) <= most + 1
        told += len(group)
    assert told == len(users)
    assert pacing.tick_s <= TICK_MAX_S


def test_groups_are_small_while_digests_are_asked_for() -> None:
    """And full again soon after the last request."""
    pacing = _with_users(2500)
    pacing.tick(12.0, 0.0)
    pacing.asked(12.0)
    assert pacing.is_asked(12.0)
    assert len(pacing.next_group(12.0)) == GROUP_WHILE_ASKED
    assert len(pacing.next_group(12.1)) == GROUP_WHILE_ASKED
    assert not pacing.is_asked(12.0 + ASKED_S)
    assert len(pacing.next_group(12.0 + ASKED_S)) == 1000
    assert len(pacing.next_group(12.5)) == 1000
    assert len(pacing.next_group(12.5)) == 2500 - 2000 - 2 * GROUP_WHILE_ASKED
    assert pacing.next_group(12.6) == []


def test_a_user_who_waits_to_be_told_is_not_noted_twice() -> None:
    """Whatever more comes for it goes with the same save."""
    pacing, user = SavePacing[int, Paced](2.0, 1000), Paced()
    pacing.save_later(1, user, 10.0)
    pacing.save_later(1, user, 10.1)
    pacing.tick(12.0, 0.0)
    assert pacing.next_group(12.0) == [(1, user)]
    assert pacing.next_group(12.0) == []


def pacing(group_max: int = 10) -> SavePacing[str, Paced]:
    """Return a pacing of nobody."""
    return SavePacing(INTERVAL_S, group_max)


def told(
    paced: SavePacing[str, Paced], at_s: float, fill: float = 0.0, *, quiet: bool = False
) -> list[str]:
    """Have a tick come, and room for all that are due by then; name who is told to save."""
    if not quiet:
        paced.mail_came(at_s)
    paced.tick(at_s, fill)
    names: list[str] = []
    while group := paced.next_group(at_s):
        names += [name for name, _ in group]
    return names


def test_the_first_save_too_comes_an_interval_after_the_change() -> None:
    """What has just begun to change is likely to change again."""
    paced, user = pacing(), Paced()
    paced.save_later("u", user, 0.0)
    assert user.to_save
    assert told(paced, INTERVAL_S - 0.1) == []
    assert told(paced, INTERVAL_S) == ["u"]
    assert not user.to_save


def test_a_user_saves_once_an_interval_however_much_comes() -> None:
    """All of it goes with one write."""
    paced, user = pacing(), Paced()
    saves = []
    for second in range(30):
        paced.save_later("u", user, float(second))
        saves += [second for _ in told(paced, float(second))]
    assert saves == [8, 17, 26]


@pytest.mark.parametrize(
    ("fill", "rest"), [(0.0, 1.0), (0.5, 1.0), (0.75, 0.5), (0.9, 0.2), (1.0, 0.0)]
)
def test_the_interval_shrinks_once_half_the_window_is_taken(fill: float, rest: float) -> None:
    """What waits for its save must not keep others out: a full window saves at once."""
    paced = pacing()
    paced.save_later("u", Paced(), 0.0)
    assert told(paced, rest * INTERVAL_S - 0.01, fill) == []
    assert told(paced, rest * INTERVAL_S + 0.01, fill) == ["u"]


def test_when_no_more_mail_comes_nothing_is_waited_for() -> None:
    """There is nothing that could go with the same save."""
    paced = pacing()
    paced.mail_came(0.0)
    paced.save_later("u", Paced(), 0.0)
    assert told(paced, QUIET_S - 0.01, quiet=True) == []
    assert told(paced, QUIET_S, quiet=True) == ["u"]


def test_who_must_save_soon_does_not_wait_for_the_interval() -> None:
    """And is told once."""
    paced, user = pacing(), Paced()
    paced.save_later("u", user, 0.0)
    paced.save_soon("u", user)
    assert told(paced, 0.1) == ["u"]
    assert told(paced, 100.0) == []


def test_who_is_told_nothing_of_is_not_told_again() -> None:
    """Nothing came since its save."""
    paced = pacing()
    paced.save_later("u", Paced(), 0.0)
    assert told(paced, INTERVAL_S) == ["u"]
    assert told(paced, 100.0) == []


def test_a_group_holds_so_many_and_only_those_that_were_due_at_the_tick() -> None:
    """Whoever comes later waits for the next one, so that a tick ends."""
    paced = pacing(group_max=2)
    for name in "abc":
        paced.save_later(name, Paced(), 0.0)
    paced.tick(9.0, 0.0)
    assert [name for name, _ in paced.next_group(9.0)] == ["a", "b"]
    paced.save_later("d", Paced(), 1.0)
    assert [name for name, _ in paced.next_group(9.0)] == ["c"]
    assert paced.next_group(9.0) == []
    assert told(paced, 10.0) == ["d"]
