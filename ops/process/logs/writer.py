"""Writing lines without waiting: a bounded queue, and a thread that empties it.

Nobody may read standard error, be it a full pipe or a terminal that is held: whoever logs goes on.
"""

from __future__ import annotations

import threading
from collections import deque
from time import monotonic
from typing import TYPE_CHECKING

from ops.process.streams import write_whole
from ops.safe_text import ESCAPED

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TextIO

QUEUED_CHARS_MAX = 8 * 1024 * 1024
"""Of lines that wait; what comes then is dropped and counted."""
FLUSHED_WITHIN_S = 1.0
"""At the end lines that nobody reads are waited for so long, and no longer."""

_GATHERED_S = 0.01
"""Lines of so long are written together: a thread takes the GIL each time that it wakes up."""
_WRITTEN_AT_ONCE = 500


def sink_of(stream: TextIO) -> Callable[[str], None]:
    """Return what writes to a stream, past its buffer where there is a file behind it.

    A thread that stands still in a buffered write keeps the interpreter from ending.
    """
    try:
        descriptor = stream.fileno()
    except (AttributeError, OSError):
        return lambda text: (stream.write(text), None)[1]
    return lambda text: write_whole(descriptor, text.encode(stream.encoding, ESCAPED))


class LogWriter:
    """Writes lines on a thread of its own. Called from any thread; never blocks."""

    def __init__(
        self,
        sink: Callable[[str], None],
        say_dropped: Callable[[int], str],
        queued_chars_max: int = QUEUED_CHARS_MAX,
    ) -> None:
        """Begin; ``sink`` may block, ``say_dropped`` makes the line that tells how many were."""
        self.dropped = 0
        """Lines that found no room, since the beginning."""
        self._sink = sink
        self._say_dropped = say_dropped
        self._queued_chars_max = queued_chars_max
        self._lines: deque[str] = deque()
        self._size = 0
        self._told = 0
        self._lock = threading.Lock()
        self._wanted = threading.Event()
        self._hurry = threading.Event()
        self._written = threading.Event()
        self._written.set()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="log", daemon=True)
        self._thread.start()

    def write(self, line: str) -> None:
        """Have a line written, or count it as dropped where too much waits already."""
        with self._lock:
            if self._closed or self._size + len(line) > self._queued_chars_max:
                self.dropped += 1
                return
            self._lines.append(line)
            self._size += len(line)
            if self._written.is_set():
                self._written.clear()
                self._wanted.set()

    def flush(self, within_s: float = FLUSHED_WITHIN_S) -> bool:
        """Wait until all is written, at the most so long; whether it is."""
        self._hurry.set()
        written = self._written.wait(within_s)
        if not self._closed:
            self._hurry.clear()
        return written

    def close(self, within_s: float = FLUSHED_WITHIN_S) -> bool:
        """Flush, and write no more; whether all was written. Harmless when it is closed."""
        end_s = monotonic() + within_s
        with self._lock:
            self._closed = True
        written = self.flush(within_s)
        self._wanted.set()
        self._thread.join(max(0.0, end_s - monotonic()))
        return written

    def _run(self) -> None:
        while True:
            self._wanted.wait()
            self._hurry.wait(_GATHERED_S)
            self._wanted.clear()
            while text := self._next():
                try:
                    self._sink(text)
                except (OSError, ValueError):
                    continue  # whoever read it is gone: there is nowhere to say so
            if self._closed:
                return

    def _next(self) -> str:
        """Take the next lines, and tell of those that were dropped; empty when all is written."""
        with self._lock:
            lines = [self._lines.popleft() for _ in range(min(len(self._lines), _WRITTEN_AT_ONCE))]
            self._size -= sum(map(len, lines))
            if self.dropped > self._told:
                lines.append(self._say_dropped(self.dropped - self._told))
                self._told = self.dropped
            if not lines:
                self._written.set()
            return "".join(lines)
