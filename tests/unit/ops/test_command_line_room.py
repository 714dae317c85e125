"""The command line has a room of its own: what runs in the service loads nothing of it."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from configparser import ConfigParser
from typing import TYPE_CHECKING

from tests.service import ROOT

if TYPE_CHECKING:
    from pathlib import Path

OPS = ROOT / "ops"
COMMAND_LINE = {"click", "rich", "ops.cli"}


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
