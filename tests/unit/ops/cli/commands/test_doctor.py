"""The doctor's findings as a table, and the status that they come to."""

from __future__ import annotations

from ops.cli.commands.doctor import _STATUS, _rows
from ops.doctor.findings import Level, ok, risk


def test_a_mend_stands_below_its_finding() -> None:
    """Where there is one."""
    found = [ok("nats", "connected"), risk("stream S", "forgets", "lift its limits")]
    assert list(_rows(found)) == [
        ("OK", "nats", "connected"),
        ("RISK", "stream S", "forgets"),
        ("", "", "  mend: lift its limits"),
    ]


def test_each_level_has_a_status_and_a_worse_one_no_lower() -> None:
    """A script can go by it."""
    statuses = [_STATUS[level] for level in Level]
    assert statuses == sorted(statuses) == [0, 0, 1, 2]
