"""Standard streams as a program wants them, whatever it was started with.

One that is closed is opened on nothing, so that no socket gets its number. Nothing is kept in a
buffer: what is written is written, or fails there and then. What an encoding lacks is escaped.
"""

from __future__ import annotations

import errno
import io
import os
import select
import sys
from typing import TYPE_CHECKING, TextIO

from ops.safe_text import ESCAPED

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_STDIN, _STDOUT, _STDERR = range(3)
_ON_NOTHING = {
    _STDIN: os.O_RDONLY,
    _STDOUT: os.O_RDONLY,  # so that writing fails: what nobody gets was not delivered
    _STDERR: os.O_WRONLY,
}


class OutputError(Exception):
    """Raised when standard output does not take what is printed. No ``OSError``: it is ours."""

    def __init__(self, error: OSError) -> None:
        """Say what the system said."""
        super().__init__(error.strerror or str(error))
        self.unread = error.errno == errno.EPIPE
        """Whoever read it has read enough, and gone."""


def write_whole(descriptor: int, data: bytes | memoryview) -> None:
    """Write all of ``data``, past any buffer; blocks, and raises ``OSError``."""
    left = memoryview(data).cast("B")
    while left:
        try:
            left = left[os.write(descriptor, left) :]
        except BlockingIOError:  # somebody who shares it does not want to wait; we do
            select.select((), (descriptor,), ())


def open_streams() -> None:
    """Put streams of ours in the place of ``sys.stdin``, ``stdout`` and ``stderr``.

    Standard output raises ``OutputError``. What standard error does not take is lost: there is
    nowhere to say so.
    """
    for descriptor, mode in _ON_NOTHING.items():
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, mode)  # gets the lowest number that is free, which is this one
            os.set_inheritable(descriptor, True)  # noqa: FBT003  # the parameter has no name
    if sys.stdin is None:
        sys.stdin = io.TextIOWrapper(io.FileIO(_STDIN, closefd=False))
    sys.stdout = _writer(_STDOUT, sys.stdout, _refuse)
    sys.stderr = _writer(_STDERR, sys.stderr, _ignore)


class _Unbuffered(io.FileIO):
    """A descriptor that is somebody else's to close."""

    def __init__(self, descriptor: int, failed: Callable[[OSError], None]) -> None:
        super().__init__(descriptor, "wb", closefd=False)
        self._failed = failed

    def write(self, data: Any, /) -> int:
        try:
            write_whole(self.fileno(), data)
        except OSError as error:
            self._failed(error)
        return len(data)


def _writer(descriptor: int, former: TextIO | None, failed: Callable[[OSError], None]) -> TextIO:
    encoding = "utf-8" if former is None else former.encoding
    raw: Any = _Unbuffered(descriptor, failed)
    return io.TextIOWrapper(raw, encoding, ESCAPED, write_through=True)


def _refuse(error: OSError) -> None:
    raise OutputError(error) from error


def _ignore(error: OSError) -> None:
    del error
