"""What an examination makes of its findings."""

from __future__ import annotations

import pytest

from ops.doctor.findings import Level, away, note, ok, on_clock, on_disk, risk, worst


def test_the_worst_finding_decides() -> None:
    """In whatever order they come."""
    findings = [ok("a", "fine")]
    assert worst([]) is Level.OK
    assert worst(findings) is Level.OK
    findings.insert(0, note("a", "odd"))
    assert worst(findings) is Level.NOTE
    findings.insert(0, away("a", "gone", "start it"))
    findings.append(risk("a", "bad", "mend it"))
    assert worst(findings) is Level.AWAY
    assert worst(findings[1:]) is Level.RISK


@pytest.mark.parametrize(
    ("skew_s", "uncertainty_s", "level"),
    [(0.9, 0.0, Level.OK), (-1.4, 0.5, Level.OK), (1.1, 0.0, Level.NOTE), (-60.0, 2.0, Level.NOTE)],
)
def test_a_clock_is_noted_when_it_is_off_for_certain(
    skew_s: float, uncertainty_s: float, level: Level
) -> None:
    """A slow answer proves nothing."""
    finding = on_clock("nats", skew_s, uncertainty_s)
    assert finding.level is level
    if level is Level.NOTE:
        assert f"{skew_s:+.1f} s" in finding.says


@pytest.mark.parametrize(
    ("used", "says", "level"),
    [(0.123, "12%", Level.OK), (0.9, "90%", Level.OK), (0.95, "95%", Level.NOTE)],
)
def test_a_disk_is_noted_while_there_is_time_to_make_room(
    used: float, says: str, level: Level
) -> None:
    """A full one lets nothing be saved; the share is said either way."""
    finding = on_disk("mongodb", used)
    assert (finding.level, f"{says} full" in finding.says) == (level, True)
    assert ("make room" in (finding.mend or "")) == (level is Level.NOTE)
