"""How far behind the log the reader is."""

from __future__ import annotations

import pytest

from actors.rules.positions import BEGIN, Place
from bus.inbound.lag import Lag

NOW_S = 2_000.0


def _at(timestamp_s: float) -> Place:
    return Place(1, int(timestamp_s * 1e9), "log")


def test_a_delivery_with_others_behind_it_says_since_when_they_wait() -> None:
    """They were put into the stream after it."""
    lag = Lag(NOW_S - 1_000)
    lag.look(_at(NOW_S - 30), 7, NOW_S)
    assert (lag.waiting, lag.last_taken_at_s) == (7, NOW_S - 30)
    assert lag.behind_s(NOW_S) == 30
    assert lag.behind_s(NOW_S + 5) == 35


def test_nobody_is_behind_when_nothing_waits() -> None:
    """However old the last message is."""
    lag = Lag(0.0)
    lag.look(_at(NOW_S - 500), 0, NOW_S)
    assert lag.behind_s(NOW_S + 1_000) == 0


def test_what_arrives_after_a_quiet_time_has_not_waited_since_before_it() -> None:
    """Else a single message after a quiet night would look eight hours late."""
    lag = Lag(0.0)
    lag.look(_at(NOW_S - 500), 0, NOW_S - 500)
    lag.look(_at(NOW_S - 500), 0, NOW_S - 2)
    lag.look(_at(NOW_S - 500), 3, NOW_S)
    assert lag.behind_s(NOW_S) == 2


@pytest.mark.parametrize("place", [None, BEGIN])
def test_who_has_read_nothing_is_behind_since_the_start(place: Place | None) -> None:
    """There is no message to tell the time by."""
    lag = Lag(NOW_S - 60)
    lag.look(place, 4, NOW_S)
    assert (lag.last_taken_at_s, lag.behind_s(NOW_S)) == (None, 60)
