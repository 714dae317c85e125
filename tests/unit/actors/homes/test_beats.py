"""The beats of an instance: which are sent, and until when they let it publish."""

from __future__ import annotations

from actors.homes.beats import NEVER_S, Beats
from actors.rules.homes import PUBLISHING_SHARE
from actors.rules.partitions import Instance, InstanceID

LEASE_S = 8.0
ME = InstanceID("me")


def beats() -> Beats:
    """Return those of an instance that has just begun."""
    return Beats(
        Instance(
            ME,
            "me",
            0,
            leaving=False,
            reading=False,
            schema=1,
            address=None,
            version="1",
            started_at_s=0,
        ),
        LEASE_S,
    )


def sent(of: Beats, now_s: float, *, leaving: bool = False, reading: bool = True) -> int | None:
    """Return the number of the beat that is to be sent."""
    beat = of.next(now_s, leaving=leaving, reading=reading)
    return None if beat is None else beat.beat


def test_what_is_confirmed_covers_from_when_it_was_sent() -> None:
    """The answer may have taken long; the others have counted from before."""
    mine = beats()
    assert mine.covered_until_s == NEVER_S
    assert sent(mine, 10.0) == 1
    assert mine.confirm(12.0) == 0.0
    assert mine.covered_until_s == 10.0 + PUBLISHING_SHARE * LEASE_S


def test_an_unconfirmed_beat_is_followed_by_another_at_once() -> None:
    """Nobody knows whether it landed."""
    mine = beats()
    assert [sent(mine, 10.0), sent(mine, 10.0)] == [1, 2]


def test_a_confirmed_one_will_do_for_a_moment() -> None:
    """A nudge has everybody look; it need not have everybody write."""
    mine = beats()
    sent(mine, 10.0)
    mine.confirm(10.0)
    assert sent(mine, 10.0 + LEASE_S / 8 - 0.01) is None
    assert sent(mine, 10.0 + LEASE_S / 8) == 2


def test_what_has_changed_is_said_at_once() -> None:
    """The others deal by it."""
    mine = beats()
    sent(mine, 10.0)
    mine.confirm(10.0)
    assert sent(mine, 10.0, reading=False) == 2
    mine.confirm(10.0)
    assert sent(mine, 10.0, reading=False, leaving=True) == 3
    assert mine.me.leaving
    assert not mine.me.reading


def test_a_confirmation_tells_how_much_too_late_it_is() -> None:
    """Meanwhile another may have taken this instance for dead."""
    mine = beats()
    sent(mine, 10.0)
    mine.confirm(10.0)
    sent(mine, 12.0)
    assert mine.confirm(10.0 + PUBLISHING_SHARE * LEASE_S + 1.5) == 1.5
