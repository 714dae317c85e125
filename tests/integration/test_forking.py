"""What is forked behaves as what an interpreter starts, and two processes' ports differ."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.conftest import children
from tests.forking import ROOT, fork_server
from tests.ports import claim_port
from tests.service import environment

if TYPE_CHECKING:
    from tests.deployment import Deployment

NOWHERE = "nats://127.0.0.1:1"


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(["--help"], id="well"),
        pytest.param(["--no-such-flag"], id="a wrong flag"),
        pytest.param(["dead-letters", "show", "1"], id="no server"),
        pytest.param(["dead-letters", "drop", "--all"], id="a question"),
    ],
)
def test_a_forked_command_says_and_returns_what_an_interpreters_does(
    deployment: Deployment, arguments: list[str]
) -> None:
    """Byte for byte, on both outputs."""
    settings = {"NATS_URL": NOWHERE, "COLUMNS": "70"}
    names = deployment.names.settings(NOWHERE, deployment.mongodb_uri)
    started = subprocess.run(
        [sys.executable, str(ROOT / "main.py"), *arguments],
        env=environment({**names, **settings}),
        input=b"n\n",
        capture_output=True,
        check=False,
    )
    forked = deployment.answered("n\n", *arguments, **settings)
    assert (forked.status, forked.stdout) == (started.returncode, started.stdout)
    assert forked.stderr == started.stderr.decode()


def test_a_forked_service_is_signalled_waited_for_and_seen(deployment: Deployment) -> None:
    """Its status is the signal that ended it; while it runs it is one that a test may leave."""
    service = deployment.start()
    assert service.pid in children()
    with pytest.raises(subprocess.TimeoutExpired):
        service.wait(0.01)
    service.signal(signal.SIGKILL)
    assert service.wait() == -signal.SIGKILL
    assert service.pid not in children()
    service.kill()


def test_a_forked_program_has_its_own_environment_folder_and_module(tmp_path: Path) -> None:
    """And nothing of the fork server's."""
    given = {"GIVEN": "as it is: \n \u00fc"}
    with (tmp_path / "shown").open("w+b") as shown, Path(os.devnull).open("rb") as nothing:
        command = ["-m", "tests.integration.shown", "one", "two words"]
        process = fork_server().start(command, given, (nothing, shown, shown))
        assert process.wait(30) == 0
        shown.seek(0)
        assert shown.read().decode() == f"{command[2:]} {given} {Path.cwd()}\n"


def test_two_processes_claim_different_ports() -> None:
    """Whatever one of them does with its own, and though both look at the same ports."""
    ours = {claim_port() for _ in range(20)}
    code = "from tests.ports import claim_port; print(*(claim_port() for _ in range(20)))"
    code = f"import os; os.getpid = lambda: {os.getpid()}\n{code}"
    said = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True)
    theirs = {int(port) for port in said.stdout.split()}
    assert len(ours) == len(theirs) == 20
    assert not ours & theirs
