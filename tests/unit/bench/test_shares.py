"""Shares of a core, on file trees that look like the two versions of cgroups."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bench.shares import NoSharesError, held_to

if TYPE_CHECKING:
    from pathlib import Path


def test_version_2_is_told_quota_and_period(tmp_path: Path) -> None:
    """In one file; the controller is handed down first."""
    (tmp_path / "cgroup.controllers").write_text("cpuset cpu io\n")
    with held_to(0.1, [11, 12], tmp_path):
        groups = sorted(tmp_path.glob("alarm-digest-bench-*"))
        assert [(group / "cpu.max").read_text() for group in groups] == ["2000 20000"] * 2
        assert [(group / "cgroup.procs").read_text() for group in groups] == ["11", "12"]
    assert (tmp_path / "cgroup.subtree_control").read_text() == "+cpu"
    assert (tmp_path / "cgroup.procs").read_text() == "12", "they are let go"


def test_without_a_controller_it_says_so(tmp_path: Path) -> None:
    """The rate of several instances is then not measured, and not guessed."""
    with pytest.raises(NoSharesError), held_to(0.1, [11], tmp_path):
        pass
    (tmp_path / "cgroup.controllers").write_text("memory\n")
    with pytest.raises(NoSharesError), held_to(0.1, [11], tmp_path):
        pass


def test_version_1_has_a_tree_for_the_cpu(tmp_path: Path) -> None:
    """With a file each for quota and period."""
    (tmp_path / "cpu").mkdir()
    (tmp_path / "cpu" / "cpu.cfs_quota_us").write_text("-1")
    with held_to(0.25, [11], tmp_path):
        [group] = (tmp_path / "cpu").glob("alarm-digest-bench-*")
        assert (group / "cpu.cfs_quota_us").read_text() == "5000"
        assert (group / "cpu.cfs_period_us").read_text() == "20000"
