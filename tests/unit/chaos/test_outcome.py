"""The judgement: it sees what was lost, repeated or wrongly told."""

from __future__ import annotations

import json

import pytest

from actors.rules.alarms import AlarmID, Severity, UserID
from bus.wire.instants import format_instant
from chaos.load.reader import Stored
from chaos.outcome import Outcome, judge
from chaos.report import table
from tests.oracle import Oracle

USER = UserID("u")


def digest(digest_id: str, *alarms: tuple[str, str, int]) -> Stored:
    """Return a digest of ``(alarm, status, changed at)``."""
    items = [
        {"AlarmID": alarm, "Status": status, "LatestChangedAt": format_instant(at_ns)}
        for alarm, status, at_ns in alarms
    ]
    return Stored(
        digest_id, json.dumps({"UserID": USER, "ActiveAlarms": items}).encode(), None, 0.0
    )


FIRST = digest("1", ("disk", "WARNING", 1))
"""What is due of the events below."""


@pytest.fixture
def oracle() -> Oracle:
    """Two events: one alarm is active, one is not."""
    known = Oracle()
    known.receive(USER, AlarmID("disk"), Severity.WARNING, 1)
    known.receive(USER, AlarmID("fan"), Severity.CLEARED, 1)
    return known


def judged(oracle: Oracle, *digests: Stored) -> Outcome:
    """Return the outcome of these digests."""
    outcome = Outcome("name", "faults")
    judge(outcome, oracle, list(digests))
    return outcome


def test_an_alarm_told_once_keeps_every_promise(oracle: Oracle) -> None:
    """And what is active is counted."""
    outcome = judged(oracle, FIRST)
    assert outcome.problems == []
    assert (outcome.lost, outcome.repeated, outcome.digests) == (0, 0, 1)
    assert outcome.active_alarms == 1


def test_an_alarm_that_was_never_told_is_lost(oracle: Oracle) -> None:
    """An empty digest does not tell it."""
    outcome = judged(oracle, digest("1"))
    assert outcome.lost == 1
    assert outcome.problems == ["lost: u disk"]


def test_an_alarm_told_again_without_news_is_repeated(oracle: Oracle) -> None:
    """Under another id a consumer cannot know it for a repeat."""
    outcome = judged(oracle, FIRST, FIRST._replace(digest_id="2"))
    assert (outcome.lost, outcome.repeated, outcome.same_id) == (0, 1, 0)
    assert len(outcome.problems) == 1


def test_a_digest_that_comes_again_under_its_id_is_dropped(oracle: Oracle) -> None:
    """A consumer that keeps the ids does so; it is counted by itself."""
    outcome = judged(oracle, FIRST, FIRST)
    assert (outcome.digests, outcome.repeated, outcome.same_id) == (1, 0, 1)
    assert outcome.problems == []


def test_an_alarm_that_never_was_is_wrong(oracle: Oracle) -> None:
    """Neither may a status be made up."""
    outcome = judged(oracle, FIRST, digest("2", ("disk", "CRITICAL", 2)))
    assert outcome.repeated == 1


def test_an_alarm_raised_again_after_it_was_told_must_be_told_again(oracle: Oracle) -> None:
    """Told as it stood before, it is lost."""
    oracle.receive(USER, AlarmID("disk"), Severity.CRITICAL, 2)
    assert judged(oracle, FIRST).lost == 1


def test_a_row_shows_what_was_lost_and_repeated() -> None:
    """Under the heads of those columns."""
    outcome = Outcome("name", "kill -9", lost=3, repeated=4, lacking=5, misanswered=6, seen_twice=7)
    heads, _, cells = (
        [cell.strip() for cell in line.split("|")] for line in table([outcome]).splitlines()
    )
    shown = dict(zip(heads, cells, strict=True))
    assert shown["what is done to it"] == "kill -9"
    assert [shown[head] for head in ("lost", "repeated")] == ["3", "4"]
    assert [shown[head] for head in ("lacked an event before", "not answered once")] == ["5", "6"]
    assert shown["seen twice"] == "7"
