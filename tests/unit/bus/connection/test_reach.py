"""When a server that answers pings is left because JetStream is out of reach from it."""

from __future__ import annotations

from bus.connection.reach import OUT_OF_REACH_S, Reach


class Clock:
    """Time that a test lets pass."""

    now_s = 50.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now_s


def test_it_is_lost_when_a_kind_of_question_was_not_answered_for_long_enough() -> None:
    """From when the first of them was asked."""
    clock = Clock()
    reach = Reach(clock)
    assert not reach.is_lost()
    reach.failed("CREATE", 49.0)
    reach.failed("CREATE", 50.0)
    clock.now_s = 49.0 + OUT_OF_REACH_S - 0.1
    assert not reach.is_lost()
    clock.now_s = 49.0 + OUT_OF_REACH_S
    assert reach.is_lost()


def test_an_answer_to_that_kind_begins_anew_and_one_to_another_kind_does_not() -> None:
    """A former leader that is alone still tells how its stream stands, and makes no consumer."""
    clock = Clock()
    reach = Reach(clock)
    reach.failed("CREATE", clock.now_s)
    reach.answered("CREATE")
    clock.now_s += OUT_OF_REACH_S
    assert not reach.is_lost()
    reach.failed("CREATE", clock.now_s)
    reach.answered("INFO")
    clock.now_s += OUT_OF_REACH_S
    assert reach.is_lost()


def test_another_connection_begins_anew() -> None:
    """Whatever was the reason to make it."""
    clock = Clock()
    reach = Reach(clock)
    reach.failed("CREATE", clock.now_s)
    reach.begin_anew()
    clock.now_s += OUT_OF_REACH_S
    assert not reach.is_lost()
