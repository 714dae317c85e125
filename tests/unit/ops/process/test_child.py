"""A child process: started until it is ready, and ended whatever it does."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from typing import TYPE_CHECKING, Any, NoReturn

import pytest

from ops.process.child import ChildProcess
from tests.ports import claim_port

if TYPE_CHECKING:
    from pathlib import Path

STAYS = "import time; time.sleep(60)"
SERVES = (
    "import socket, sys; door = socket.create_server(('127.0.0.1', int(sys.argv[1]))); "
    f"print('serving', flush=True); {STAYS}"
)
SERVES_IGNORING_SIGTERM = f"import signal; signal.signal(15, signal.SIG_IGN); {SERVES}"


def child(
    tmp_path: Path, program: str, *, until: str = "serving", port: int | None = None
) -> ChildProcess:
    """Return a Python program that says it is ready once its output is ``until``."""
    output, port = tmp_path / "output", port or claim_port()

    def ready() -> bool:
        return output.read_text().strip() == until

    return ChildProcess("program", [sys.executable, "-c", program, str(port)], output, port, ready)


def test_one_that_stays_runs_until_it_is_stopped(tmp_path: Path) -> None:
    """Stopping it again is harmless."""
    program = child(tmp_path, SERVES)
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


def test_one_whose_port_somebody_else_serves_is_not_ready(tmp_path: Path) -> None:
    """Its answers would be a stranger's, who was quicker at the port."""
    port = claim_port()
    with socket.create_server(("127.0.0.1", port)):
        program = child(tmp_path, f"print('serving', flush=True); {STAYS}", port=port)
        with pytest.raises(OSError, match=r"^program did not start: serving$"):
            program.start(timeout_s=0.5)
    assert not program.running


def test_one_that_ignores_being_told_to_end_is_killed(tmp_path: Path) -> None:
    """Once its time is up."""
    program = child(tmp_path, SERVES_IGNORING_SIGTERM)
    program.start()
    program.stop(timeout_s=0.05)
    assert not program.running


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_while_it_is_being_made_ends_it_as_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    """Once a child was left to itself that was there before we knew of it."""
    made: list[subprocess.Popen[bytes]] = []
    popen = subprocess.Popen

    def interrupted(*args: Any, **kwargs: Any) -> subprocess.Popen[bytes]:
        made.append(popen(*args, **kwargs))
        signal.raise_signal(number)
        return made[0]

    def end(number: int, _: object) -> NoReturn:
        raise SystemExit(number)

    monkeypatch.setattr(subprocess, "Popen", interrupted)
    before = signal.signal(number, end)
    try:
        with pytest.raises(SystemExit):
            child(tmp_path, SERVES).start()
    finally:
        signal.signal(number, before)
    assert made[0].poll() is not None
