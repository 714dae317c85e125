"""``main.py`` forked from a process that has imported it: most of what a short command takes.

An interpreter takes half a second of a core to import the service, and the suite starts it some
hundred times. What is forked runs ``main.py`` from its first line as ``__main__``, with its own
arguments, environment and files; it is the fork server's child and not the test's.
"""

from __future__ import annotations

import gc
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import threading
from functools import cache
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ROOT = Path(__file__).parent.parent
_REQUEST_BYTES = 1 << 17
_MODULE = "-m"


class Forked:
    """A process that the fork server has started; used like a ``subprocess.Popen``."""

    def __init__(self, server: ForkServer, pid: int) -> None:
        """Know its id, which stays its own until its status is asked for."""
        self.pid = pid
        self._server = server
        self._ended = os.pidfd_open(pid)
        self._status: int | None = None

    def poll(self) -> int | None:
        """Return the exit status; None while it runs, negative for a signal that ended it."""
        return self._status_within(0)

    def wait(self, timeout: float | None = None) -> int:
        """Return the exit status once it has ended; raises ``subprocess.TimeoutExpired``."""
        status = self._status_within(timeout)
        if status is None:
            raise subprocess.TimeoutExpired(f"process {self.pid}", timeout or 0.0)
        return status

    def send_signal(self, number: int) -> None:
        """Send a signal; harmless when it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """Send SIGKILL."""
        self.send_signal(signal.SIGKILL)

    def _status_within(self, timeout_s: float | None) -> int | None:
        if self._status is None:
            ended = select.poll()
            ended.register(self._ended, select.POLLIN)
            if ended.poll(None if timeout_s is None else timeout_s * 1000):
                self._status = self._server.status_of(self.pid)
                os.close(self._ended)
        return self._status


class ForkServer:
    """The process that forks, from the side of the tests. Thread-safe."""

    def __init__(self) -> None:
        """Start it; it ends with this process, whose end of their socket closes then."""
        ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._socket = ours
        self._lock = threading.Lock()
        with its:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.forking", str(its.fileno())],
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=[its.fileno()],
            )

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def start(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        files: tuple[IO[bytes], IO[bytes], IO[bytes]],
    ) -> Forked:
        """Start a Python program; ``command`` is its path or ``-m`` and a module, and arguments.

        ``files`` are its standard input, output and error.
        """
        request = {
            "command": list(command),
            "environment": dict(environment),
            "cwd": str(Path.cwd()),
        }
        return Forked(self, self._ask(request, [file.fileno() for file in files]))

    def status_of(self, pid: int) -> int:
        """Return the status of a process that has ended; only once for each."""
        return self._ask({"ended": pid}, [])

    def _ask(self, request: Mapping[str, object], descriptors: list[int]) -> int:
        with self._lock:
            socket.send_fds(self._socket, [json.dumps(request).encode()], descriptors)
            answer = self._socket.recv(_REQUEST_BYTES)
        assert answer, "the fork server has ended"
        return int(answer)


@cache
def fork_server() -> ForkServer:
    """Return the one of this process, started when it is first asked for."""
    return ForkServer()


class _Job(NamedTuple):
    """What a forked process is to run."""

    command: list[str]
    environment: dict[str, str]
    cwd: str
    descriptors: list[int]


def _serve(control: socket.socket) -> _Job | None:
    """Fork as asked until nobody can ask any more; return the job in a forked process only."""
    while True:
        said, descriptors, _, _ = socket.recv_fds(control, _REQUEST_BYTES, 3)
        if not said:
            return None
        request: dict[str, Any] = json.loads(said)
        if "ended" in request:
            _, status = os.waitpid(request["ended"], 0)
            control.send(str(os.waitstatus_to_exitcode(status)).encode())
            continue
        pid = os.fork()
        if not pid:
            control.close()
            return _Job(**request, descriptors=list(descriptors))
        for descriptor in descriptors:
            os.close(descriptor)
        control.send(str(pid).encode())


def _run(job: _Job) -> None:
    """Become the program, as the interpreter would start it."""
    for standard, descriptor in enumerate(job.descriptors):
        os.dup2(descriptor, standard)
        os.close(descriptor)
    os.environ.clear()
    os.environ.update(job.environment)
    os.chdir(job.cwd)
    if job.command[0] == _MODULE:
        _, module, *arguments = job.command
        sys.argv = [module, *arguments]
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    else:
        sys.argv = job.command
        runpy.run_path(job.command[0], run_name="__main__")


if __name__ == "__main__":
    import main  # noqa: F401  # what is forked finds it imported, and all that it imports

    # What is forked is not to look for garbage here, nor to copy the pages that this would touch.
    gc.collect()
    gc.freeze()
    # As for a script: the first place to import from is its folder, whatever the working directory.
    sys.path[0] = str(ROOT)
    job = _serve(socket.socket(fileno=int(sys.argv[1])))
    if job is not None:
        _run(job)
