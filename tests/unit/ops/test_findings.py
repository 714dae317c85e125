"""What an examination makes of its findings."""

from __future__ import annotations

import pytest

from ops.findings import Level, away, note, ok, on_clock, risk, worst


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
