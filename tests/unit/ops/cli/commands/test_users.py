"""A user and an alarm as they are printed."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from actors.ports import Checkpoint
from actors.rules.alarms import Alarm, AlarmID, Severity, UserID
from actors.rules.digest import Cursor, Digest, DigestID
from actors.rules.partitions import partition_of
from actors.rules.positions import Place
from ops.cli.commands.users import _print_alarm, _print_user, history_of
from ops.users.report import Provenance, Source, UserReport, report_on

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pytest

USER = UserID("u")
ALARM = Alarm(Severity.CRITICAL, 5, Severity.CLEARED, None, news=True, heard_at_s=1)


def report(limit: int | None = None) -> UserReport:
    """Return a user with two alarms, and a digest that is owed."""
    owed = Digest(DigestID("d"), USER, ())
    cursor = Cursor(3, Place(2, 9), (owed,))
    checkpoint = Checkpoint(7, {AlarmID("a"): ALARM, AlarmID("b"): ALARM}, cursor)
    return report_on(USER, checkpoint, Provenance(Source.STORED, note="away", home="host-1"), limit)


def facts(printed: str) -> Mapping[str, str]:
    """Return what stands behind each name, that is followed by two blanks or more."""
    pairs = [line.split("  ", 1) for line in printed.splitlines() if "  " in line]
    return {name: fact.strip() for name, fact in pairs}


def test_a_user_is_facts_and_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    """What is not known is left out."""
    _print_user(report(), "--limit 0 lists more")
    printed = capsys.readouterr()
    shown = facts(printed.out)
    assert (shown["version"], shown["digests given"], shown["note"]) == ("7", "3", "away")
    assert shown["request answered last"] == "2.9"
    assert shown["partition"] == str(partition_of(USER))
    assert shown["at home at"] == "host-1"
    assert shown["owed"] == "digest d with 0 alarms"
    assert shown["alarms"] == "2 known, 2 active, 2 due"
    assert "instance" not in shown
    assert "never_told" in printed.out
    assert printed.err == ""


def test_alarms_that_are_not_listed_are_said_to_be_there(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """With the way to see them."""
    _print_user(report(limit=1), "--limit 0 lists more")
    assert capsys.readouterr().err == "1 of 2 alarms; --limit 0 lists more\n"


def test_an_alarm_says_whether_the_next_digest_has_it(capsys: pytest.CaptureFixture[str]) -> None:
    """And why."""
    _print_alarm(report(), report().alarms[0])
    shown = facts(capsys.readouterr().out)
    assert (shown["stands at"], shown["in next digest"]) == ("CRITICAL", "yes")
    assert shown["why"] == report().alarms[0].explanation
    assert "told as" not in shown
    assert shown["how it came about"] == "main.py history u --alarm a"


def test_the_history_of_an_alarm_can_be_copied_into_a_shell() -> None:
    """Ids may hold anything."""
    command = history_of("a b", "it's; rm")
    assert shlex.split(command) == ["main.py", "history", "a b", "--alarm", "it's; rm"]
