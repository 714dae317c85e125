"""The picture of the packages in docs/architecture.md, held to the import graph."""

from __future__ import annotations

import ast
import sys

import grimp

from tests.service import ROOT
from tests.unit.docs.pages import between

PAGE = ROOT / "docs" / "architecture.md"
PACKAGES = ("actors", "bus", "ops", "store")
ROOT_MODULE = "main"


def imports() -> set[tuple[str, str]]:
    """Return who imports whom, by the first part of the name, the standard library left out."""
    graph = grimp.build_graph(*PACKAGES, include_external_packages=True, cache_dir=None)
    found = {
        (importer.partition(".")[0], imported.partition(".")[0])
        for importer in graph.modules
        for imported in graph.find_modules_directly_imported_by(importer)
    }
    # grimp reads packages, and the composition root is a module.
    for node in ast.walk(ast.parse((ROOT / f"{ROOT_MODULE}.py").read_text())):
        if isinstance(node, ast.ImportFrom) and node.module is not None:
            found.add((ROOT_MODULE, node.module.partition(".")[0]))
        elif isinstance(node, ast.Import):
            found |= {(ROOT_MODULE, alias.name.partition(".")[0]) for alias in node.names}
    return {
        (importer, imported)
        for importer, imported in found
        if importer != imported and imported not in sys.stdlib_module_names
    }


def picture() -> str:
    """Return the picture as the page has it when it is right."""
    edges = imports()
    lines = ["```mermaid", "flowchart TD"]
    for importer in (ROOT_MODULE, "ops", "bus", "store", "actors"):
        known = sorted(imported for name, imported in edges if name == importer)
        own = [name for name in known if name in PACKAGES]
        libraries = [f"{name}([{name}])" for name in known if name not in PACKAGES]
        if own:
            lines.append(f"    {importer} --> {' & '.join(own)}")
        if libraries:
            lines.append(f"    {importer} -.-> {' & '.join(libraries)}")
    return "\n".join([*lines, "```"])


def test_the_picture_is_what_the_code_imports() -> None:
    """On a difference, copy what ``picture()`` returns between the two markers."""
    assert between(PAGE, "packages") == f"{picture()}\n"


def test_the_core_knows_one_library() -> None:
    """Whoever adds a second one to the picture should think twice."""
    assert {imported for importer, imported in imports() if importer == "actors"} == {"pykka"}
