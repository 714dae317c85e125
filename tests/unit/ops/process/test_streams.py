"""Standard streams: open whatever the process was started with, whole, and with no buffer."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import threading

import pytest

from ops.process.streams import OutputError, write_whole
from tests.service import ROOT

OPEN = "import os, sys; from ops.process.streams import OutputError, open_streams; open_streams()\n"


def program(code: str, redirected: str = "", **variables: str) -> subprocess.CompletedProcess[str]:
    """Run Python with streams of ours, its own redirected in the shell's words."""
    return subprocess.run(
        ["/bin/sh", "-c", f'exec "$0" -c "$1" {redirected}', sys.executable, OPEN + code],
        cwd=ROOT,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=False,
    )


def test_what_was_closed_is_open_on_nothing() -> None:
    """Whatever is opened afterwards gets another number; nothing is to be read."""
    code = "print(repr(sys.stdin.read()), os.open('.', os.O_RDONLY), file=sys.stderr)"
    assert program(code, "<&- >&-").stderr == "'' 3\n"
    code = "sys.stderr.write('lost'); print(os.open('.', os.O_RDONLY))"
    assert program(code, "<&- 2>&-").stdout == "3\n"


@pytest.mark.parametrize("redirected", [">&-", ">/dev/full"])
def test_output_that_is_not_taken_raises_at_once(redirected: str) -> None:
    """Not at the interpreter's end, where nobody can do anything about it any more."""
    code = """
try:
    print('x', end='')
except OutputError as error:
    print(error, error.unread, file=sys.stderr)
"""
    ended = program(code, redirected)
    assert ended.returncode == 0
    assert ended.stderr.endswith(" False\n")
    assert len(ended.stderr.splitlines()) == 1


def test_errors_that_are_not_taken_raise_nothing() -> None:
    """There is nowhere to say so."""
    ended = program("sys.stderr.write('x'); print('went on')", "2>/dev/full")
    assert (ended.returncode, ended.stdout) == (0, "went on\n")


def test_what_the_encoding_lacks_is_escaped() -> None:
    """That of the stream, be it of few characters."""
    code = "sys.stdout.write(chr(0xeb) + chr(0xdcff)); sys.stderr.write(chr(0x1f525))"
    ended = program(code, PYTHONIOENCODING="ascii")
    assert (ended.stdout, ended.stderr) == ("\\u00eb\\udcff", "\\ud83d\\udd25")


def test_bytes_and_what_a_terminal_is_asked_pass_through() -> None:
    """Libraries look for both."""
    code = "sys.stdout.buffer.write(bytes([65])); print(sys.stdout.isatty(), sys.stdout.fileno())"
    assert program(code).stdout == "AFalse 1\n"


def test_a_pipe_that_somebody_has_set_not_to_block_is_waited_for() -> None:
    """A stream is shared with the program that started us, and with others."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    read: list[bytes] = []
    with os.fdopen(reading, "rb") as pipe:
        reader = threading.Thread(target=lambda: read.append(pipe.read()))
        data = bytes(range(256)) * 2000
        reader.start()
        write_whole(writing, data)
        os.close(writing)
        reader.join()
    assert read == [data]


def test_a_reader_that_has_gone_is_told_from_a_full_disk() -> None:
    """The one is no trouble."""
    assert OutputError(BrokenPipeError(errno.EPIPE, "Broken pipe")).unread
    full = OutputError(OSError(errno.ENOSPC, "No space left on device"))
    assert (full.unread, str(full)) == (False, "No space left on device")
