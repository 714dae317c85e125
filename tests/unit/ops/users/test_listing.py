"""Users in a list: in numbers, those with most due first."""

from __future__ import annotations

import dataclasses

from actors.rules.alarms import UserID
from ops.users.listing import line_of, most_due_first
from ops.users.report import Source
from store.users.browsing import UserSummary

SUMMARY = UserSummary(UserID("u"), 9, 5, 3, 7, owes=True)


def test_a_stored_user_is_a_line_that_no_instance_speaks_for() -> None:
    """What only a live user would know is not known."""
    line = line_of(SUMMARY)
    assert (line.source, line.instance, line.unsaved) == (Source.STORED, None, None)
    assert {**line.to_fields(), **SUMMARY._asdict()} == line.to_fields()


def test_most_due_come_first_then_most_active_then_by_id() -> None:
    """Whatever the order they come in."""
    line = line_of(SUMMARY)
    ordered = [
        dataclasses.replace(line, user_id=user_id, due=due, active=active)
        for user_id, due, active in (("z", 5, 5), ("y", 3, 9), ("a", 3, 4), ("b", 3, 4))
    ]
    assert most_due_first(reversed(ordered)) == ordered
