"""Reports on users: what they hold, their order, and the way through JSON and back."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest

from actors.ports import NEVER_SAVED, Checkpoint
from actors.rules.alarms import Alarm, AlarmID, Severity, UserID
from actors.rules.digest import Cursor, Digest, DigestID, DigestItem
from actors.rules.partitions import partition_of
from actors.rules.positions import Place
from ops.users.report import (
    AlarmReport,
    OwedDigest,
    Provenance,
    Source,
    UserLine,
    UserReport,
    report_on,
)

USER = UserID("u")
S = Severity
ALARMS = {
    AlarmID("cleared"): Alarm(S.CLEARED, 1, S.WARNING, 1, news=True, heard_at_s=9),
    AlarmID("told"): Alarm(S.WARNING, 2, S.WARNING, 2, news=False, heard_at_s=9),
    AlarmID("late"): Alarm(S.CRITICAL, 4, S.WARNING, 2, news=True, heard_at_s=9),
    AlarmID("b"): Alarm(S.WARNING, 3, S.CLEARED, None, news=True, heard_at_s=9),
    AlarmID("a"): Alarm(S.WARNING, 3, S.CLEARED, None, news=True, heard_at_s=9),
}
OWED = Digest(DigestID("d"), USER, (DigestItem(AlarmID("told"), S.WARNING, 2),))
CHECKPOINT = Checkpoint(7, ALARMS, Cursor(3, Place(5, 1), (OWED,)))


def report(**how: Any) -> UserReport:
    """Report on the checkpoint of this module."""
    return report_on(USER, CHECKPOINT, Provenance(Source.STORED), **how)


def test_what_is_due_comes_first_and_in_the_order_of_the_digest() -> None:
    """Then what is active, then the rest."""
    listed = [alarm.alarm_id for alarm in report().alarms]
    assert listed == ["a", "b", "late", "told", "cleared"]


def test_the_numbers_are_of_all_alarms_and_the_list_is_limited() -> None:
    """A user with a hundred thousand alarms must not fill a terminal, or a message."""
    limited = report(limit=2)
    assert (limited.known, limited.active, limited.due) == (5, 4, 3)
    assert [alarm.alarm_id for alarm in limited.alarms] == ["a", "b"]


def test_one_alarm_can_be_asked_for_known_or_not() -> None:
    """Which is what ``why`` does."""
    (told,) = report(only=AlarmID("told")).alarms
    assert (told.status, told.told_status, told.due) == ("WARNING", "WARNING", False)
    assert "is owed" in told.explanation
    (unknown,) = report(only=AlarmID("nix")).alarms
    assert (unknown.alarm_id, unknown.status, unknown.due) == ("nix", None, False)


def test_cursor_and_outbox_are_in_it() -> None:
    """What was told and what is owed."""
    whole = report()
    assert (whole.version, whole.digests, whole.answered) == (7, 3, "5.1")
    assert whole.owed is not None
    assert (whole.owed.digest_id, whole.owed.alarms) == ("d", 1)


def test_an_alarm_that_was_never_told_says_nothing_of_telling() -> None:
    """The CLEARED that the rules start from was told to nobody."""
    (alarm,) = report(only=AlarmID("a")).alarms
    assert (alarm.told_status, alarm.told_at) == (None, None)
    assert alarm.heard_at == "1970-01-01T00:00:09Z"


@pytest.mark.parametrize("checkpoint", [CHECKPOINT, NEVER_SAVED], ids=["some", "none"])
def test_a_report_survives_json(checkpoint: Checkpoint) -> None:
    """One process writes it, another reads it."""
    original = report_on(USER, checkpoint, Provenance(Source.LIVE, "i", 4, "a note"))
    assert UserReport.from_fields(json.loads(json.dumps(original.to_fields()))) == original


def test_a_report_of_a_later_version_is_read_for_what_is_known() -> None:
    """Commands and service are not always of one version."""
    fields = json.loads(json.dumps(report().to_fields()))
    fields["mood"] = fields["alarms"][0]["mood"] = fields["owed"]["mood"] = "fine"
    assert UserReport.from_fields(fields) == report()


@pytest.mark.parametrize("damage", [{"source": "dreamt"}, {"alarms": [1]}, {"owed": 1}])
def test_what_is_no_report_is_refused(damage: dict[str, Any]) -> None:
    """By one of the errors that the docstring names."""
    with pytest.raises((KeyError, TypeError, ValueError)):
        UserReport.from_fields({**report().to_fields(), **damage})


def test_a_report_that_lacks_what_came_later_is_read_all_the_same() -> None:
    """What has a default may lack: an instance of an earlier version does not know it."""
    fields = json.loads(json.dumps(report().to_fields()))
    for later in ("partition", "home", "note"):
        del fields[later]
    read = UserReport.from_fields(fields)
    assert (read.partition, read.home, read.alarms) == (None, None, report().alarms)
    del fields["version"]
    with pytest.raises(KeyError):
        UserReport.from_fields(fields)


@pytest.mark.parametrize(
    ("kind", "required"),
    [
        (UserLine, "user_id source digests owes known active due"),
        (
            UserReport,
            "user_id source instance version unsaved digests answered owed known active due alarms",
        ),
        (
            AlarmReport,
            "alarm_id status changed_at told_status told_at news due reason explanation heard_at",
        ),
        (OwedDigest, "digest_id alarms"),
    ],
)
def test_an_answer_needs_what_the_first_release_has_sent_and_sends_it(
    kind: type[Any], required: str
) -> None:
    """A further field has a default, for older instances do not send it; none of these may go."""
    fields = dataclasses.fields(kind)
    needed = [field.name for field in fields if field.default is dataclasses.MISSING]
    assert needed == required.split()


def test_a_report_says_where_the_user_is_at_home() -> None:
    """The partition follows from the id."""
    made = report_on(USER, CHECKPOINT, Provenance(Source.LIVE, "me", home="host-1"))
    assert (made.partition, made.home) == (partition_of(USER), "host-1")


def test_a_line_of_the_first_release_is_read() -> None:
    """Instances of two versions answer one command: what came later has a default."""
    sent = {"user_id": "u", "source": "live", "digests": 3, "owes": False, "known": 2, "active": 1}
    line = UserLine.from_fields({**sent, "due": 1, "instance": "vm, process 7", "unsaved": 0})
    assert (line.user_id, line.source, line.due) == ("u", Source.LIVE, 1)
