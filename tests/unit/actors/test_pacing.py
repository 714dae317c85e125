"""When users that have changed are to save."""

from __future__ import annotations

from actors.pacing import TICKS_PER_INTERVAL, Paced, SavePacing

INTERVAL_S = 8.0


def pacing(group_max: int = 10) -> SavePacing[str, Paced]:
    """Return a pacing of nobody."""
    return SavePacing(INTERVAL_S, group_max)


def told(paced: SavePacing[str, Paced], at_s: float) -> list[str]:
    """Have a tick come, and room for all that are due by then; name who is told to save."""
    paced.tick(at_s)
    names: list[str] = []
    while group := paced.next_group(at_s):
        names += [name for name, _ in group]
    return names


def test_the_first_save_comes_with_the_next_tick() -> None:
    """What has just begun to change is not held back."""
    paced, user = pacing(), Paced()
    assert paced.tick_s == INTERVAL_S / TICKS_PER_INTERVAL
    paced.save_later("u", user, 0.0)
    assert user.to_save
    assert told(paced, 1.0) == ["u"]
    assert not user.to_save


def test_a_user_saves_once_an_interval_however_much_comes() -> None:
    """All of it goes with one write."""
    paced, user = pacing(), Paced()
    paced.save_later("u", user, 0.0)
    told(paced, 1.0)
    saves = []
    for second in range(2, 30):
        paced.save_later("u", user, float(second))
        saves += [second for _ in told(paced, float(second))]
    assert saves == [10, 19, 28]


def test_who_is_told_nothing_of_is_not_told_again() -> None:
    """Nothing came since its save."""
    paced = pacing()
    paced.save_later("u", Paced(), 0.0)
    told(paced, 1.0)
    assert told(paced, 100.0) == []


def test_a_group_holds_so_many_and_only_those_that_were_due_at_the_tick() -> None:
    """Whoever comes later waits for the next one, so that a tick ends."""
    paced = pacing(group_max=2)
    for name in "abc":
        paced.save_later(name, Paced(), 0.0)
    paced.tick(1.0)
    assert [name for name, _ in paced.next_group(1.0)] == ["a", "b"]
    paced.save_later("d", Paced(), 1.0)
    assert [name for name, _ in paced.next_group(1.0)] == ["c"]
    assert paced.next_group(1.0) == []
    assert told(paced, 2.0) == ["d"]
