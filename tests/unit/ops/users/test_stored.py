"""Users as they were last saved, whether they are known or not."""

from __future__ import annotations

import pytest

from actors.errors import StoreUnavailableError
from actors.ports import CheckpointUpdate
from actors.rules.alarms import Alarm, AlarmID, Severity, UserID
from actors.rules.digest import Cursor
from ops.users.report import Provenance, Source
from ops.users.stored import UnreadableUserError, read_stored
from tests.doubles import FaultyStore

USER = UserID("u")
ALARM = Alarm(Severity.CRITICAL, 5, Severity.CLEARED, None, news=True, heard_at_s=1)


def store() -> FaultyStore:
    """Return one that knows a user of two alarms."""
    made = FaultyStore()
    alarms = {AlarmID("a"): ALARM, AlarmID("b"): ALARM}
    made.save([CheckpointUpdate(USER, 0, alarms, Cursor(3))])
    return made


def test_a_saved_user_is_reported_as_saved() -> None:
    """With as many alarms as are wanted, and whoever says so."""
    how = Provenance(Source.NOWHERE, "me", note="away")
    report = read_stored(store(), USER, how, limit=1)
    assert (report.source, report.instance, report.note) == (Source.STORED, "me", "away")
    assert (report.version, report.digests, report.due) == (1, 3, 2)
    assert [alarm.alarm_id for alarm in report.alarms] == ["a"]
    (only,) = read_stored(store(), USER, only=AlarmID("b")).alarms
    assert only.alarm_id == "b"


def test_an_unknown_user_is_nowhere() -> None:
    """Which is no error."""
    report = read_stored(store(), UserID("x"))
    assert (report.source, report.known) == (Source.NOWHERE, 0)


def test_a_store_that_is_away_and_a_damaged_checkpoint_are_told_apart() -> None:
    """One cures itself."""
    away, damaged = store(), store()
    away.load_faults = 1
    damaged.unreadable[USER] = "schema 9"
    with pytest.raises(StoreUnavailableError):
        read_stored(away, USER)
    with pytest.raises(UnreadableUserError, match="schema 9"):
        read_stored(damaged, USER)
