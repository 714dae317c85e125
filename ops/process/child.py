"""A child process that dies with its parent."""

from __future__ import annotations

import contextlib
import ctypes
import signal
import subprocess
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

_PR_SET_PDEATHSIG = 1
_POLL_S = 0.02
_LISTENING = "0A"  # a socket's state in /proc/net/tcp

# Looked up before any fork: between fork and exec hardly anything is safe to call.
_libc = ctypes.CDLL(None, use_errno=True)


def _die_with_parent() -> None:
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


@contextlib.contextmanager
def _signals_held_back() -> Iterator[None]:
    """Handle signals behind a ``with`` block: within it nobody knows yet what is to be stopped.

    Masking them would not do: another thread of the process may be told, and Python handles them on
    the main one all the same. On another thread than that there is nothing to hold back.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    arrived: list[int] = []
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    for number, handler in handlers.items():
        if callable(handler):
            signal.signal(number, lambda came, _: arrived.append(came))
    try:
        yield
    finally:
        for number, handler in handlers.items():
            if callable(handler):
                signal.signal(number, handler)
        for came in arrived:
            signal.raise_signal(came)


class ChildProcess:
    """A program started by us, its output in a file. Not thread-safe.

    Linux ends it when the thread that started it ends: start it on the main thread.
    """

    def __init__(
        self, name: str, command: Sequence[str], output: Path, port: int, ready: Callable[[], bool]
    ) -> None:
        """Prepare a server of the TCP port ``port``.

        ``ready`` tells whether that port is served, by whomever; it is asked over and over.
        """
        self.name = name
        self._port = port
        self._command = list(command)
        self._output = output
        self._ready = ready
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def running(self) -> bool:
        """Whether it was started and has not ended."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """Its process id; only while it runs."""
        assert self._process is not None
        return self._process.pid

    def start(self, timeout_s: float = 30.0) -> None:
        """Start it and wait until it is ready; raises ``OSError`` with the end of its output."""
        try:
            with _signals_held_back(), self._output.open("ab") as output:
                self._process = subprocess.Popen(  # noqa: S603  # a server's own command line
                    self._command,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    preexec_fn=_die_with_parent,  # noqa: PLW1509  # main thread, one libc call
                    start_new_session=True,  # Ctrl-C is for us, who then stop it in order
                )
            give_up_at_s = time.monotonic() + timeout_s
            # Whoever was quicker at the port answers too, before ours has found it taken and ended.
            while not (self._ready() and _listens(self.pid, self._port)):
                if not self.running or time.monotonic() > give_up_at_s:
                    self.kill()
                    raise OSError(f"{self.name} did not start: {self._last_words()}")
                time.sleep(_POLL_S)  # another program's readiness can only be polled
        except (KeyboardInterrupt, SystemExit):
            self.stop()  # nobody else knows of it yet
            raise

    def stop(self, timeout_s: float = 20.0) -> None:
        """Ask it to end and wait; kill it when it takes longer. Harmless when it has ended."""
        if self._process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            self._process.terminate()
        try:
            self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """End it at once, as a crash would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        assert self._process is not None
        self._process.send_signal(number)

    def _last_words(self) -> str:
        lines = self._output.read_bytes()[-2000:].decode(errors="replace").splitlines()
        return lines[-1] if lines else "it said nothing"


def _listens(pid: int, port: int) -> bool:
    """Whether that process itself listens on that TCP port of IPv4."""
    try:
        opened = {str(link.readlink()) for link in Path(f"/proc/{pid}/fd").iterdir()}
        sockets = Path(f"/proc/{pid}/net/tcp").read_text()  # of the network that it is in
    except OSError:
        return False  # it has ended, or one of its descriptors is closed meanwhile
    for line in sockets.splitlines()[1:]:
        fields = line.split()
        local, state, inode = fields[1], fields[3], fields[9]
        if state == _LISTENING and int(local.partition(":")[2], 16) == port:
            return f"socket:[{inode}]" in opened
    return False
