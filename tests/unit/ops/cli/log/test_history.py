"""A message of a user's history as it is printed."""

from __future__ import annotations

import pytest

from ops.cli.log.history import became, row
from ops.users.history import Entry, Outcome

EVENT = Entry(7, "1970-01-01T00:00:01Z", "a", "WARNING", "1970-01-01T00:00:00Z", Outcome.NEWER)
REQUEST = Entry(8, "1970-01-01T00:00:02Z", None, None, None, Outcome.DIGEST, digest=3, alarms=2)


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        (EVENT, "newer"),
        (Entry(7, "", "a", "WARNING", "", Outcome.STALE, news=True), "stale, news"),
        (
            Entry(7, "", "a", "WARNING", "", Outcome.NEWER, news=True, told_by=3),
            "newer, news, told by digest 3",
        ),
        (REQUEST, "digest 3 with 2 alarms"),
        (Entry(8, "", None, None, None, Outcome.SKIPPED, alarms=0), "nothing to tell"),
        (Entry(8, "", None, None, None, Outcome.WAITING), "not answered yet"),
        (
            Entry(9, "", "a", "WARNING", "", Outcome.REJECTED, reason="too large"),
            "rejected: too large",
        ),
    ],
)
def test_what_became_of_it_is_said_in_words(entry: Entry, words: str) -> None:
    """Each outcome in its own."""
    assert became(entry) == words


def test_a_message_is_a_row() -> None:
    """A request is of no alarm."""
    assert row(EVENT) == (7, EVENT.time, "WARNING", "a", EVENT.changed_at, "newer")
    assert row(REQUEST) == (8, REQUEST.time, "request", None, None, "digest 3 with 2 alarms")
