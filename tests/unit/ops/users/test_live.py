"""The actors are asked within one deadline, and what is not there is left out."""

from __future__ import annotations

from time import monotonic

import pytest

from actors.rules.alarms import UserID
from ops.users.live import ActorsBusyError, LiveUsers
from tests.doubles import Inbox
from tests.unit.ops.running import running


def test_states_are_of_users_in_memory_only() -> None:
    """All, or those of interest."""
    with running() as actors:
        live = LiveUsers(actors.router)
        assert live.count() == 0
        assert live.states(None, 10) == {}
        actors.event("x")
        actors.event("y")
        assert live.count() == 2
        assert set(live.states(None, 10)) == {"x", "y"}
        assert set(live.states([UserID("x"), UserID("z")], 10)) == {"x"}
        assert len(live.states(None, 1)) == 1
        assert live.states([UserID("x")], 1)[UserID("x")].unsaved == 1


def test_actors_that_do_not_answer_cost_the_deadline_and_no_more() -> None:
    """However many questions there are."""
    live = LiveUsers(Inbox().actor_ref, timeout_s=0.05)
    taken_s: list[float] = []
    for ask in (live.count, lambda: live.states(None, 10)) * 2:
        began_s = monotonic()
        with pytest.raises(ActorsBusyError, match="in time"):
            ask()
        taken_s.append(monotonic() - began_s)
    assert min(taken_s[::2]) < 1  # the best of two each: others may keep the machine busy
    assert min(taken_s[1::2]) < 1


def test_a_router_that_has_stopped_is_busy_stopping() -> None:
    """Not an error of the program's."""
    with running() as actors:
        live = LiveUsers(actors.router)
        actors.router.stop()
        with pytest.raises(ActorsBusyError, match=r"stopping|in time"):
            live.count()
