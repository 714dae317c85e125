"""What is said of alarms from the future."""

from __future__ import annotations

from actors.rules.alarms import UserID
from ops.doctor.alarms import judge_clocks
from ops.doctor.findings import Level
from store.users.browsing import AheadSummary


def test_a_clock_that_is_ahead_is_noted_with_a_user_and_its_end() -> None:
    """Worth knowing, no risk: the rule is the contract's."""
    at_ns = 2_082_758_400_000_000_000
    ahead = AheadSummary(2, 3, UserID("u1"), at_ns)
    found = judge_clocks(ahead, 300.0, at_ns / 1e9 - 4 * 86_400)
    assert found.level is Level.NOTE
    assert found.says == (
        "3, of 2 users, are from the future; one of user u1 stands until 2036-01-01T00:00:00Z, "
        "4.0 days from now"
    )
    assert "clocks of their agents" in (found.mend or "")


def test_clocks_that_are_kept_are_well() -> None:
    """And the tolerance is said."""
    found = judge_clocks(None, 300.0, 0.0)
    assert (found.level, found.says) == (Level.OK, "none is more than 5 minutes in the future")
