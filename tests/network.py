"""A network for a cluster's members that can be cut between any two of them; needs root.

Each member lives in a network namespace of its own, at the end of a cable to one bridge. The
addresses are of the block kept for such trials (RFC 2544); nothing leaves this machine.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

ABLE = os.geteuid() == 0 and shutil.which("ip") is not None
"""Whether such a network can be made here."""

_NETWORKS = 256
_NOBODY = "02:00:00:00:00:fe"
"""A hardware address that nobody has: what is sent there is lost without a word."""


class End(NamedTuple):
    """One of those that the network connects."""

    address: str
    device: str
    namespace: str | None
    """None for where this process is."""

    def runs(self) -> list[str]:
        """Return what a command begins with that runs there."""
        return [] if self.namespace is None else ["ip", "netns", "exec", self.namespace]


class Network:
    """Where this process is, ``here``, and some ``members``. Made and removed by ``made``."""

    def __init__(self, here: End, members: list[End]) -> None:
        """Describe it."""
        self.here = here
        self.members = members

    @classmethod
    @contextmanager
    def made(cls, members: int) -> Iterator[Network]:
        """Make one for the time of a ``with`` block; all processes in it must end before that."""
        with ExitStack() as undone:
            number, bridge = _bridge()
            undone.callback(_ip, "link", "del", bridge)
            here = End(f"198.18.{number}.1", bridge, None)
            _ip("addr", "add", f"{here.address}/24", "dev", bridge)
            _ip("link", "set", bridge, "up")
            ends: list[End] = []
            for member in range(members):
                name = f"{bridge}n{member}"
                end = End(f"198.18.{number}.{member + 2}", "cable", name)
                _ip("netns", "add", name)
                undone.callback(_ip, "netns", "del", name)
                _ip("link", "add", name, "type", "veth", "peer", "name", f"{name}c")
                undone.callback(_ip, "link", "del", name)  # at once; its namespace goes later
                _ip("link", "set", f"{name}c", "netns", name, "name", end.device)
                _ip("link", "set", name, "master", bridge, "up")
                _ip("-n", name, "addr", "add", f"{end.address}/24", "dev", end.device)
                for device in ("lo", end.device):
                    _ip("-n", name, "link", "set", device, "up")
                ends.append(end)
            yield cls(here, ends)

    @contextmanager
    def cut(self, *pairs: tuple[End, End]) -> Iterator[None]:
        """Have nothing of either reach the other, for the time of a ``with`` block."""
        with ExitStack() as healed:
            for one, other in pairs:
                for end, far in ((one, other), (other, one)):
                    lost = (far.address, "lladdr", _NOBODY, "nud", "permanent")
                    _neighbour(end, "replace", *lost)
                    healed.callback(partial(_neighbour, end, "del", far.address))
            yield


def _neighbour(end: End, *arguments: str) -> None:
    where = [] if end.namespace is None else ["-n", end.namespace]
    _ip(*where, "neigh", *arguments, "dev", end.device)


def _bridge() -> tuple[int, str]:
    """Add a bridge whose number nobody has; return both."""
    for number in range(_NETWORKS):
        with suppress(OSError):
            _ip("link", "add", name := f"alarms{number}", "type", "bridge")
            return number, name
    raise OSError("no bridge can be added")


def _ip(*arguments: str) -> None:
    """Have the system's network changed; raises ``OSError`` with its reason."""
    done = subprocess.run(
        ["ip", *arguments],  # noqa: S607  # the system's
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise OSError(f"ip {' '.join(arguments)}: {done.stderr.strip()}")
