"""What a stretch of work took: wall time, and CPU time of each process that had a part in it."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")

SERVICE = "service"
"""The role of what is measured: the service, or a baseline, which runs in this process."""


def cpu_s(pid: int) -> float:
    """Return the CPU time that a process has used, user and system, in seconds."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS_PER_S


def rss_bytes(pid: int) -> int:
    """Return the memory that a process has resident."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


class Usage(NamedTuple):
    """What so many messages took."""

    messages: int
    wall_s: float
    cpu_s: Mapping[str, float]
    """By role."""

    @property
    def per_s(self) -> float:
        """Messages a second."""
        return self.messages / self.wall_s

    def cpu_us(self, role: str = SERVICE) -> float:
        """Microseconds of CPU time a message."""
        return self.cpu_s[role] / self.messages * 1e6

    def figures(self) -> dict[str, Any]:
        """Return rate, CPU a message, and how much of a core each role took meanwhile."""
        return {
            "per_s": self.per_s,
            "cpu_us": self.cpu_us(),
            "cores": {role: spent / self.wall_s for role, spent in self.cpu_s.items()},
        }


class Stopwatch:
    """Wall and CPU time since it was made."""

    def __init__(self, roles: Mapping[str, Sequence[int]]) -> None:
        """Start; ``roles`` are process ids by what they are called."""
        self._roles = roles
        self._cpu_s = self._spent()
        self._began_s = time.perf_counter()

    def read(self, count: int) -> Usage:
        """Return what it took so far, for ``count`` messages."""
        wall_s = time.perf_counter() - self._began_s
        now = self._spent()
        return Usage(count, wall_s, {role: now[role] - self._cpu_s[role] for role in now})

    def _spent(self) -> dict[str, float]:
        return {role: sum(map(cpu_s, pids)) for role, pids in self._roles.items()}
