"""The heartbeat's file."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ops.monitoring.heartbeat import Heartbeat
from tests.doubles import logged

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_a_beat_makes_the_file_young(tmp_path: Path) -> None:
    """Whether it was there before or not."""
    file = tmp_path / "beat"
    heartbeat = Heartbeat(file)
    heartbeat.beat()
    os.utime(file, (1, 1))
    heartbeat.beat()
    assert file.stat().st_mtime > 1


def test_a_file_that_cannot_be_touched_is_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A full disk of the supervisor's must not end the service."""
    Heartbeat(tmp_path / "absent" / "beat").beat()
    assert logged(caplog.records, "ops.heartbeat") == [("WARNING", "heartbeat.failed")]
