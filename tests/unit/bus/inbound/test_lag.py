"""How far behind the stream we are, from deliveries and from the server's word."""

from __future__ import annotations

import pytest

from bus.inbound.lag import Lag, waiting_after

NOW_S = 2_000.0


def _reply(sequence: int, timestamp_s: float, waiting: int) -> str:
    return f"$JS.ACK.S.c.1.{sequence}.{sequence}.{int(timestamp_s * 1e9)}.{waiting}"


@pytest.mark.parametrize(
    "reply",
    [
        "$JS.ACK.ALARM_INPUT.c.3.71.42.1623098415598765212.9",
        "$JS.ACK.hub.kXzR7q.ALARM_INPUT.c.3.71.42.1623098415598765212.9",
        "$JS.ACK.hub.kXzR7q.ALARM_INPUT.c.3.71.42.1623098415598765212.9.rAnd",
    ],
)
def test_what_waits_is_read_from_old_and_new_forms_of_the_address(reply: str) -> None:
    """Newer servers put domain and account behind ACK, and a token at the end."""
    assert waiting_after(reply) == (9, 1_623_098_415_598_765_212)


def test_a_delivery_with_others_behind_it_says_since_when_they_wait() -> None:
    """They were put into the stream after it."""
    lag = Lag(NOW_S - 1_000)
    assert lag.look(_reply(1, NOW_S - 30, 7), NOW_S)
    assert (lag.waiting, lag.last_taken_at_s) == (7, NOW_S - 30)
    assert lag.behind_s(NOW_S) == 30
    assert lag.behind_s(NOW_S + 5) == 35


def test_nobody_is_behind_when_nothing_waits() -> None:
    """However old the last message is."""
    lag = Lag(0.0)
    lag.look(_reply(1, NOW_S - 500, 0), NOW_S)
    assert lag.behind_s(NOW_S + 1_000) == 0


def test_what_arrives_after_a_quiet_time_has_not_waited_since_before_it() -> None:
    """Else a single message after a quiet night would look eight hours late."""
    lag = Lag(0.0)
    lag.look(_reply(1, NOW_S - 500, 0), NOW_S - 500)
    lag.learn(0, NOW_S - 2)
    lag.learn(3, NOW_S)
    assert lag.behind_s(NOW_S) == 2


def test_a_look_without_a_delivery_since_the_last_says_so() -> None:
    """The server is asked then."""
    lag = Lag(0.0)
    assert not lag.look("", NOW_S)
    assert lag.look(_reply(1, NOW_S, 4), NOW_S)
    assert not lag.look(_reply(1, NOW_S, 4), NOW_S)
    assert lag.waiting == 4
