"""Lines are written by a thread: whoever logs waits for nobody, and loses nothing in silence."""

from __future__ import annotations

import io
import os
import threading
from time import monotonic

from ops.process.logs.writer import LogWriter, sink_of


class Held:
    """A sink that holds up whoever writes, until it is let go."""

    def __init__(self) -> None:
        """Hold."""
        self.go = threading.Event()
        self.entered = threading.Event()
        self.text = ""

    def __call__(self, text: str) -> None:
        """Write once it is let go."""
        self.entered.set()
        self.go.wait()
        self.text += text


def dropped(lines: int) -> str:
    """Return what is said of lines that found no room."""
    return f"dropped {lines}\n"


def test_lines_come_out_in_order_and_whole() -> None:
    """Of several threads each its own order."""
    stream = io.StringIO()
    writer = LogWriter(sink_of(stream), dropped)

    def write(name: str) -> None:
        for number in range(2000):
            writer.write(f"{name} {number}\n")

    threads = [threading.Thread(target=write, args=(name,)) for name in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert writer.close()
    lines = stream.getvalue().splitlines()
    for name in "ab":
        expected = [f"{name} {number}" for number in range(2000)]
        assert [line for line in lines if line.startswith(name)] == expected
    assert len(lines) == 4000


def test_what_finds_no_room_is_dropped_counted_and_said() -> None:
    """Nobody reads: the queue is bounded, and writing returns; else this would never end."""
    sink = Held()
    writer = LogWriter(sink, dropped, queued_chars_max=40)
    writer.write("first\n")
    assert sink.entered.wait(5)
    for number in range(1000):
        writer.write(f"line {number:4}\n")
    assert writer.dropped == 996
    sink.go.set()
    assert writer.close(5)
    assert sink.text == "first\nline    0\nline    1\nline    2\nline    3\ndropped 996\n"


def test_the_end_does_not_wait_for_whoever_does_not_read() -> None:
    """A second at the most; here a tenth."""
    sink = Held()
    writer = LogWriter(sink, dropped)
    writer.write("never read\n")
    taken_s: list[float] = []
    for _ in range(3):
        began_s = monotonic()
        assert not writer.close(0.1)
        taken_s.append(monotonic() - began_s)
    assert min(taken_s) < 1  # the best of three: others may keep the machine busy
    sink.go.set()


def test_a_reader_that_is_gone_ends_nothing() -> None:
    """A closed pipe takes no line, and the next one is tried all the same."""
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as stream:
        writer = LogWriter(sink_of(stream), dropped)
        writer.write("lost\n")
        assert writer.flush(5)
        writer.write("lost too\n")
        assert writer.close(5)
