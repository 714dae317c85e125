"""Shares: a fixed part of a core for each of several processes, by a cgroup of its own."""

from __future__ import annotations

import os
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_PERIOD_US = 20_000
"""Short beside the second or so that is measured."""


class NoSharesError(Exception):
    """Raised when this machine gives us no cgroups to hold a process to a share of a core."""


@contextmanager
def held_to(
    share: float, pids: Sequence[int], root: Path = Path("/sys/fs/cgroup")
) -> Iterator[None]:
    """Hold each process to ``share`` of a core for the time of a ``with`` block.

    Cgroups of version 2 or 1, whichever is mounted; wants root. Raises ``NoSharesError``.
    """
    home = _home(root)
    made: list[Path] = []
    try:
        for pid in pids:
            group = home / f"alarm-digest-bench-{os.getpid()}-{pid}"
            try:
                group.mkdir()
                made.append(group)
                _limit(group, int(share * _PERIOD_US))
                (group / "cgroup.procs").write_text(str(pid))
            except OSError as error:
                raise NoSharesError(f"no share of a core can be set: {error}") from error
        yield
    finally:
        for group in made:
            _let_go(group, home)


def _home(root: Path) -> Path:
    """Return where groups are made: version 2 with its controllers, or version 1's for the CPU."""
    if (controllers := root / "cgroup.controllers").exists():
        if "cpu" not in controllers.read_text().split():
            raise NoSharesError(f"{root} has no controller for the CPU")
        with suppress(OSError):
            (root / "cgroup.subtree_control").write_text("+cpu")
        return root
    if (root / "cpu" / "cpu.cfs_quota_us").exists():
        return root / "cpu"
    raise NoSharesError(f"{root} is no cgroup file system with a controller for the CPU")


def _limit(group: Path, quota_us: int) -> None:
    if (group.parent / "cpu.cfs_quota_us").exists():
        (group / "cpu.cfs_period_us").write_text(str(_PERIOD_US))
        (group / "cpu.cfs_quota_us").write_text(str(quota_us))
    else:
        (group / "cpu.max").write_text(f"{quota_us} {_PERIOD_US}")


def _let_go(group: Path, home: Path) -> None:
    """Give the processes back that still run, and remove the group."""
    with suppress(OSError):
        for pid in (group / "cgroup.procs").read_text().split():
            with suppress(OSError):
                (home / "cgroup.procs").write_text(pid)
    with suppress(OSError):
        group.rmdir()
