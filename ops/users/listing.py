"""Users in a list: a stored one in numbers, and the order of live ones. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ops.users.report import Source, UserLine

if TYPE_CHECKING:
    from collections.abc import Iterable

    from store.users.browsing import UserSummary


def line_of(summary: UserSummary) -> UserLine:
    """Return a stored user in numbers."""
    return UserLine(
        user_id=summary.user_id,
        source=Source.STORED,
        instance=None,
        unsaved=None,
        digests=summary.digests,
        owes=summary.owes,
        known=summary.known,
        active=summary.active,
        due=summary.due,
    )


def most_due_first(lines: Iterable[UserLine]) -> list[UserLine]:
    """Return users, those first of whom the next digest would carry most."""
    return sorted(lines, key=lambda line: (-line.due, -line.active, line.user_id))
