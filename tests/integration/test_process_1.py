"""Process 1 of a container: the kernel keeps from it whatever it has no handler for."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.patience import PATIENCE_S
from tests.service import ROOT, environment

if TYPE_CHECKING:
    from tests.deployment import Deployment

ALONE = ["unshare", "--user", "--map-root-user", "--pid", "--fork", "--kill-child"]
"""In a process namespace of its own, as whoever may make one."""


def process_1(outside: int) -> int | None:
    """Return the id of the process that is the first one in there, once it runs Python."""
    children = Path(f"/proc/{outside}/task/{outside}/children").read_text().split()
    for child in map(int, children):
        if b"main.py" in Path(f"/proc/{child}/cmdline").read_bytes():
            return child
    return None


def obeys(pid: int) -> bool:
    """Whether the process has a handler for SIGTERM."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("SigCgt:"):
            return bool(int(line.split()[1], 16) >> (signal.SIGTERM - 1) & 1)
    raise AssertionError(pid)


@pytest.mark.parametrize(
    ("arguments", "status"), [([], 0), (["watch"], 143)], ids=["service", "watch"]
)
def test_it_obeys_from_its_first_line(
    deployment: Deployment, arguments: list[str], status: int
) -> None:
    """Once it ignored SIGTERM until all was imported, and a command to its end."""
    settings = deployment.names.settings(deployment.nats_url, deployment.mongodb_uri)
    command = [*ALONE, sys.executable, str(ROOT / "main.py"), *arguments]
    if subprocess.run([*ALONE, "true"], capture_output=True, check=False).returncode:
        pytest.skip("no process namespace may be made here")
    outside = subprocess.Popen(command, env=environment(settings), stderr=subprocess.PIPE)
    try:
        give_up_at_s = time.monotonic() + PATIENCE_S
        while (first := process_1(outside.pid)) is None or not obeys(first):
            assert time.monotonic() < give_up_at_s
            time.sleep(0.001)  # a process can only be polled
        modules = Path(f"/proc/{first}/maps").read_text()
        os.kill(first, signal.SIGTERM)
        _, said = outside.communicate(timeout=PATIENCE_S)
    finally:
        outside.kill()
        outside.wait()
    assert "uvloop" not in modules, "it obeyed only once all was imported"
    assert (outside.returncode, said) == (status, b"")
