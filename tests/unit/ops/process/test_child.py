"""A child process: started until it is ready, and ended whatever it does."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from ops.process.child import ChildProcess
from tests.ports import claim_port

if TYPE_CHECKING:
    from pathlib import Path

STAYS = "import time; time.sleep(60)"
STAYS_ON_SIGTERM = (
    f"import signal; signal.signal(15, signal.SIG_IGN); print(1, flush=True); {STAYS}"
)


def child(tmp_path: Path, program: str, *, until: str | None = None) -> ChildProcess:
    """Return a Python program that is ready once its output is ``until``; at once for None."""
    output = tmp_path / "output"

    def ready() -> bool:
        return until is None or output.read_text().strip() == until

    return ChildProcess("program", [sys.executable, "-c", program], output, claim_port(), ready)


def test_one_that_stays_runs_until_it_is_stopped(tmp_path: Path) -> None:
    """Stopping it again is harmless."""
    program = child(tmp_path, STAYS)
    seen = [program.running]
    program.stop()
    program.start()
    seen.append(program.running)
    program.stop()
    seen.append(program.running)
    program.stop()
    assert seen == [False, True, False]


def test_one_that_ends_before_it_is_ready_is_reported_with_its_last_words(tmp_path: Path) -> None:
    """They say why."""
    program = child(tmp_path, "print('one'); raise SystemExit('no disk')", until="never")
    with pytest.raises(OSError, match=r"^program did not start: no disk$"):
        program.start()


def test_one_that_is_never_ready_is_ended(tmp_path: Path) -> None:
    """And need not have said anything."""
    program = child(tmp_path, STAYS, until="never")
    with pytest.raises(OSError, match="it said nothing"):
        program.start(timeout_s=0.05)
    assert not program.running


def test_one_that_does_not_listen_is_killed(tmp_path: Path) -> None:
    """Once its time is up."""
    program = child(tmp_path, STAYS_ON_SIGTERM, until="1")
    program.start()
    program.stop(timeout_s=0.05)
    assert not program.running
