"""The rooms of ``ops``: what each may load, how large it may be, and that its tests mirror it."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from configparser import ConfigParser
from typing import TYPE_CHECKING

import pytest

from tests.service import ROOT

if TYPE_CHECKING:
    from pathlib import Path

OPS = ROOT / "ops"
TESTS = ROOT / "tests" / "unit" / "ops"
MODULES_MAX = 9
LINES_MAX = 300
COMMAND_LINE = {"click", "rich", "ops.cli"}

UNMIRRORED = {
    "cli/examples.py": "one expression; test_program shows the examples of every command",
    "cli/failures.py": "two names of errors; test_command_line shows how each ends",
    "instance.py": "a name made of two of the system's",
    "monitoring/monitor.py": "wires; tests/integration/test_monitoring.py",
    "process/clock.py": "the system's clock under our names",
    "version.py": "a constant",
    "web/console/data.py": "wires; tests/integration/test_console_users.py",
}
"""Modules without a test of their own, each with the reason."""


def modules() -> list[Path]:
    """Return the modules of ``ops``, packages' own left out."""
    return sorted(path for path in OPS.rglob("*.py") if path.name != "__init__.py")


def name_of(module: Path) -> str:
    """Return a module's name as it is imported."""
    return ".".join(module.relative_to(ROOT).with_suffix("").parts)


def test_what_runs_in_the_service_loads_no_command_line() -> None:
    """All rooms but one; and what does load it would be noticed."""
    service = [name_of(one) for one in modules() if "cli" not in one.parts]
    assert "ops.web.console.data" in service
    program = (
        f"import json, sys, {', '.join(service)}; before = [*sys.modules]; "
        "import ops.cli.program; print(json.dumps([before, [*sys.modules]]))"
    )
    shown = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, check=True, text=True
    )
    by_service, by_program = map(set, json.loads(shown.stdout))
    assert by_service & COMMAND_LINE == set()
    assert by_program >= COMMAND_LINE


def test_the_import_contract_names_every_room() -> None:
    """A new room is in the service unless it is a part of the command line."""
    contracts = ConfigParser()
    contracts.read(ROOT / "setup.cfg")
    listed = contracts["importlinter:contract:command_line"]["source_modules"].split()
    rooms = {f"ops.{path.stem}" for path in OPS.iterdir() if path.stem[0] not in "_."}
    assert set(listed) == (rooms | {"actors", "bus", "store"}) - {"ops.cli"}


def test_the_composition_root_leaves_the_command_line_to_its_room() -> None:
    """import-linter reads packages, and ``main`` is a module."""
    tree = ast.parse((ROOT / "main.py").read_text())
    imported = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)} | {
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for alias in node.names
    }
    assert {name for name in imported if name and name.startswith("ops.cli")} == {"ops.cli.program"}
    assert not {name for name in imported if name and name.partition(".")[0] in COMMAND_LINE}


def test_a_room_is_taken_in_at_a_glance() -> None:
    """Whoever adds a tenth module splits the room by what one looks for."""
    rooms = {path.parent for path in modules()}
    full = {str(room): len(list(room.glob("*.py"))) - 1 for room in rooms}
    assert {room: count for room, count in full.items() if count > MODULES_MAX} == {}


def test_a_module_is_read_in_one_go() -> None:
    """A longer one has two subjects."""
    lengths = {name_of(module): len(module.read_text().splitlines()) for module in modules()}
    assert {name: lines for name, lines in lengths.items() if lines > LINES_MAX} == {}


def mirror_of(module: Path) -> Path:
    """Return where a module's unit test is."""
    place = module.relative_to(OPS)
    return TESTS / place.parent / f"test_{place.name}"


def test_each_module_with_logic_has_a_unit_test_in_the_same_place() -> None:
    """Write one, or say above why there is nothing to test."""
    without = [str(one.relative_to(OPS)) for one in modules() if not mirror_of(one).exists()]
    assert sorted(without) == sorted(UNMIRRORED)


def test_no_unit_test_is_of_a_module_that_is_gone() -> None:
    """One that moved takes its test along."""
    mirrors = {mirror_of(module) for module in modules()} | {TESTS / "test_rooms.py"}
    assert {str(one.relative_to(TESTS)) for one in TESTS.rglob("test_*.py")} == {
        str(one.relative_to(TESTS)) for one in mirrors if one.exists()
    }


@pytest.mark.parametrize("folder", sorted({str(one.parent.relative_to(OPS)) for one in modules()}))
def test_a_room_says_what_one_finds_in_it(folder: str) -> None:
    """In the first lines that a stranger opens."""
    assert ast.get_docstring(ast.parse((OPS / folder / "__init__.py").read_text()))
