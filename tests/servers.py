"""Servers that tests run against."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from ops.child import ChildProcess


class Server(NamedTuple):
    """A server of the session's."""

    child: ChildProcess
    url: str
