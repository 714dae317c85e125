"""The service as a process of its own, as a supervisor runs it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from ops.cli.options import options_of
from ops.settings import Settings
from tests.forking import ROOT, fork_server
from tests.patience import PATIENCE_S

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.forking import Forked

__all__ = ["ROOT", "ServiceProcess", "environment"]

_POLL_S = 0.01


def environment(settings: Mapping[str, object]) -> dict[str, str]:
    """Return a process's environment with these settings, and none of the developer's own."""
    known = {option.name for option in options_of(Settings)}
    inherited = {name: value for name, value in os.environ.items() if name not in known}
    given = {name: str(value) for name, value in settings.items()}
    return {**inherited, "LOG_FORMAT": "json", **given}


class ServiceProcess:
    """``python main.py`` with settings in its environment and its log in a file."""

    def __init__(
        self,
        log: Path,
        settings: Mapping[str, object],
        *arguments: str,
        module: str | None = None,
        forked: bool = False,
        root: Path = ROOT,
    ) -> None:
        """Start it; ``settings`` are environment variables, the developer's own do not count.

        ``module`` is a test's own entry, instead of ``main.py``; ``root`` another source tree. One
        that is ``forked`` starts at once, but shares memory with the fork server, so that nothing
        should be measured of it.
        """
        self._log_path = log
        self._read = 0
        self._events: list[dict[str, Any]] = []
        self._log: IO[bytes] = log.open("ab")
        command = [*([str(root / "main.py")] if module is None else ["-m", module]), *arguments]
        given = {**environment(settings), "PYTHONPATH": str(root)}
        self._process: subprocess.Popen[bytes] | Forked
        with Path(os.devnull).open("rb") as nothing:
            if forked:
                files = (nothing, self._log, self._log)
                self._process = fork_server().start(command, given, files)
            else:
                self._process = subprocess.Popen(
                    [sys.executable, *command],
                    env=given,
                    stdin=nothing,
                    stdout=self._log,
                    stderr=self._log,
                )

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def events(self, name: str = "") -> list[dict[str, Any]]:
        """Return what it logged, or what it logged under an event's name."""
        # Asked a hundred times a second of a log that may be long: only what is new is read.
        with self._log_path.open("rb") as log:
            log.seek(self._read)
            new = log.read()
        whole = new[: new.rfind(b"\n") + 1]
        self._read += len(whole)
        # A user id may hold what splitlines() takes for the end of a line.
        lines = whole.decode(errors="replace").split("\n")
        self._events += [json.loads(line) for line in lines if line.startswith("{")]
        return [event for event in self._events if not name or event["event"] == name]

    def complaints(self) -> set[str]:
        """Return the names of what it logged above info.

        But for a beat that came late: computers that do much besides make it so.
        """
        names = {event["event"] for event in self.events() if event["level"] != "info"}
        return names - {"home.lapsed"}

    def alarming(self) -> list[str]:
        """Return the names of what it logged at error or above: an outage is a warning."""
        return [e["event"] for e in self.events() if e["level"] in ("error", "critical")]

    def output(self) -> str:
        """Return all that it wrote."""
        return self._log_path.read_text(errors="replace")

    def wait_for(self, name: str, count: int = 1, timeout_s: float = PATIENCE_S) -> None:
        """Return once it has logged ``count`` events of that name."""
        give_up_at_s = time.monotonic() + timeout_s
        while len(self.events(name)) < count:
            ended = self._process.poll()
            assert ended is None, f"ended with {ended}:\n{self.output()}"
            assert time.monotonic() < give_up_at_s, f"no {name}:\n{self.output()[-3000:]}"
            time.sleep(_POLL_S)  # a log file can only be polled

    def ends_or_logs(self, name: str, timeout_s: float = PATIENCE_S) -> bool:
        """Return once it has logged an event of that name, or False once it has ended."""
        give_up_at_s = time.monotonic() + timeout_s
        while not self.events(name):
            if self._process.poll() is not None:
                return False
            assert time.monotonic() < give_up_at_s, f"no {name}:\n{self.output()[-3000:]}"
            time.sleep(_POLL_S)  # a log file can only be polled
        return True

    def wait_for_output(self, text: str, timeout_s: float = PATIENCE_S) -> None:
        """Return once ``text`` is in what it wrote."""
        give_up_at_s = time.monotonic() + timeout_s
        while text not in self.output():
            ended = self._process.poll()
            assert ended is None, f"ended with {ended}:\n{self.output()}"
            assert time.monotonic() < give_up_at_s, f"no {text!r}:\n{self.output()[-3000:]}"
            time.sleep(_POLL_S)  # a file can only be polled

    def terminate(self, timeout_s: float = PATIENCE_S) -> int:
        """Send SIGTERM; return the exit status."""
        self._process.send_signal(signal.SIGTERM)
        return self.wait(timeout_s)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal."""
        self._process.send_signal(number)

    def kill(self) -> None:
        """End it as a crash would; harmless when it has ended."""
        self._process.kill()
        self._process.wait()
        self._log.close()

    def wait(self, timeout_s: float = PATIENCE_S) -> int:
        """Return the exit status once it has ended."""
        try:
            return self._process.wait(timeout_s)
        finally:
            if self._process.poll() is not None:
                self._log.close()
