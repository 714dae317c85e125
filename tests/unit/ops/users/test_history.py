"""A user's history: what the rules made of each message, held to a brute-force oracle."""

from __future__ import annotations

import json
from random import Random
from typing import TYPE_CHECKING

from actors.rules.alarms import AlarmID, Severity, UserID
from actors.rules.digest import Cursor
from actors.rules.positions import Place
from bus.subjects import Subjects
from bus.wire.instants import format_instant
from ops.users import history as history_module
from ops.users.history import KEPT_MAX, History, Outcome, Seen
from tests.oracle import Oracle

if TYPE_CHECKING:
    import pytest

SUBJECTS = Subjects()
U = UserID('ü"1')
CLEARED, W, C = Severity


def event(
    sequence: int,
    alarm: str,
    severity: Severity,
    at_ns: int,
    user: str = U,
    *,
    ascii_only: bool = False,
) -> Seen:
    """Return an event as it stands in the log, at ``sequence`` seconds."""
    fields = {
        "AlarmID": alarm,
        "UserID": user,
        "Status": severity.name,
        "ChangedAt": format_instant(at_ns),
    }
    body = json.dumps(fields, ensure_ascii=ascii_only).encode()
    return Seen(SUBJECTS.alarm_status_changed, body, sequence, sequence * 10**9)


def request(sequence: int, user: str = U) -> Seen:
    """Return a request."""
    body = json.dumps({"UserID": user}).encode()
    return Seen(SUBJECTS.send_alarm_digest, body, sequence, sequence * 10**9)


def history(
    *messages: Seen, digests: int = 0, answered: int = 10**9, answered_s: int = 10**9, **how: object
) -> History:
    """Return what was made of messages, when the checkpoint has so many digests."""
    cursor = Cursor(digests, Place(answered, answered_s * 10**9))
    made = History(U, SUBJECTS, 65_536, cursor, **how)  # type: ignore[arg-type]  # by name
    for message in messages:
        made.take(message)
    return made


def test_each_event_says_what_became_of_it() -> None:
    """And the request which alarms it told."""
    entries = history(
        event(1, "a", W, 5),
        event(2, "a", W, 5),
        event(3, "b", C, 9),
        event(4, "a", W, 4),
        request(5),
        event(6, "a", CLEARED, 7),
        event(7, "a", W, 8),
        request(8),
        digests=2,
    ).entries()
    assert [(one.outcome, one.news, one.told_by) for one in entries] == [
        (Outcome.NEWER, True, 1),
        (Outcome.DUPLICATE, False, None),
        (Outcome.NEWER, True, 1),
        (Outcome.STALE, False, None),
        (Outcome.DIGEST, False, None),
        (Outcome.NEWER, True, None),
        (Outcome.NEWER, False, 2),
        (Outcome.DIGEST, False, None),
    ]
    assert [(one.digest, one.alarms) for one in entries if one.status is None] == [(1, 2), (2, 1)]
    assert (entries[0].alarm_id, entries[0].status, entries[0].time) == (
        "a",
        "WARNING",
        "1970-01-01T00:00:01Z",
    )


def test_it_agrees_with_an_oracle_that_keeps_all_events() -> None:
    """Random histories of three users: what is told, what is news, and where each alarm stands."""
    for seed in range(60):
        random, oracle, messages, told = Random(seed), Oracle(), [], []
        for sequence in range(1, 80):
            user = random.choice((U, UserID("other"), UserID("ü")))
            if random.random() < 0.15:
                messages.append(request(sequence, user))
                if user == U:
                    due = oracle.due(U)
                    told.append([item.alarm_id for item in due])
                    for item in due:
                        oracle.tell(U, *item)
                continue
            alarm, severity = AlarmID(random.choice("abc")), random.choice((CLEARED, W, C))
            at_ns = random.randint(1, 12)
            oracle.receive(user, alarm, severity, at_ns)
            messages.append(event(sequence, alarm, severity, at_ns, user))
        made = history(*messages, digests=len(told))
        entries = made.entries()
        requests = [one for one in entries if one.status is None]
        assert [one.alarms for one in requests] == [len(alarms) for alarms in told]
        assert [one.digest for one in requests] == list(range(1, len(told) + 1))
        for number, alarms in enumerate(told, start=1):
            carried = sorted(one.alarm_id or "" for one in entries if one.told_by == number)
            # An event that is told again, unchanged, is so by a later digest only.
            assert set(carried) <= set(alarms)
        for shown in {one.alarm_id for one in entries if one.alarm_id}:
            newest = [
                one for one in entries if one.alarm_id == shown and one.outcome is Outcome.NEWER
            ][-1]
            at_ns, severity = oracle.current(U, AlarmID(shown))
            assert (newest.status, newest.changed_at) == (severity.name, format_instant(at_ns))


def test_others_and_what_cannot_be_read_are_passed_over() -> None:
    """An id may be written in many ways, and stand in bodies that are not about it."""
    mine = event(1, "a", W, 1)
    nonsense = mine._replace(body=b"{" + mine.body)
    elsewhere = mine._replace(subject="other")
    theirs = event(2, str(U), W, 1, UserID("other"))
    escaped = event(3, "a", W, 2, ascii_only=True)
    assert b"\\u00fc" in escaped.body
    entries = history(nonsense, elsewhere, theirs, mine, escaped).entries()
    assert [one.sequence for one in entries] == [1, 3]


def test_one_alarm_is_shown_with_the_requests_that_told_it() -> None:
    """The others count all the same: their digests have numbers."""
    entries = history(
        event(1, "b", W, 1),
        request(2),
        event(3, "a", W, 1),
        request(4),
        request(5),
        digests=3,
        only=AlarmID("a"),
    ).entries()
    assert [(one.sequence, one.told_by, one.digest) for one in entries] == [
        (3, 2, None),
        (4, None, 2),
    ]


def test_what_came_before_is_not_shown_but_counts() -> None:
    """The rules need all of it."""
    made = history(event(1, "a", W, 5), event(20, "a", W, 4), since_ns=10 * 10**9)
    assert [(one.sequence, one.outcome) for one in made.entries()] == [(20, Outcome.STALE)]


def test_digests_are_numbered_as_the_service_does_it() -> None:
    """The log has the last ones only; what is behind the last answered request waits."""
    entries = history(request(5), request(6), request(7), digests=41, answered=6).entries()
    assert [(one.digest, one.outcome) for one in entries] == [
        (40, Outcome.DIGEST),
        (41, Outcome.DIGEST),
        (None, Outcome.WAITING),
    ]


def test_in_a_log_that_was_made_anew_nothing_is_answered_yet() -> None:
    """Its sequences are other messages', which came later."""
    (entry,) = history(request(5), digests=9, answered=6, answered_s=4).entries()
    assert entry.outcome is Outcome.WAITING


def test_a_request_may_be_answered_by_nothing() -> None:
    """Then it has no number."""
    entries = history(
        request(1), event(2, "a", W, 1), request(3), digests=1, skip_empty=True
    ).entries()
    assert [(one.outcome, one.digest) for one in entries if one.status is None] == [
        (Outcome.SKIPPED, None),
        (Outcome.DIGEST, 1),
    ]


def test_a_body_that_is_too_large_is_shown_as_rejected() -> None:
    """By whose id stands in it."""
    large = event(1, "a", W, 1)
    large = large._replace(body=large.body[:-1] + b', "more": "' + b"x" * 70_000 + b'"}')
    (entry,) = history(large).entries()
    assert entry.outcome is Outcome.REJECTED
    assert "exceeds 65536 bytes" in (entry.reason or "")


def test_memory_is_bounded_and_what_is_left_out_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """The last ones are kept."""
    monkeypatch.setattr(history_module, "KEPT_MAX", 3)
    made = history(*(event(number, "a", W, number) for number in range(1, 9)))
    assert [one.sequence for one in made.entries()] == [6, 7, 8]
    assert made.left_out == 5
    assert KEPT_MAX == 10_000
