"""Every page leads where it says, and is found."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.service import ROOT
from tests.unit.docs.pages import PAGES, anchors_of, commands_of, links_of, named

DOCUMENTS = [page for page in PAGES if ROOT / "docs" in page.parents]

AWAITED: set[str] = set()
"""Results of long runs that pages link to already."""


def _target(page: Path, link: str) -> Path:
    path = link.partition("#")[0]
    return page if not path else Path(page.parent / path).resolve()


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_what_a_page_links_to_exists(page: Path) -> None:
    """Files, folders, and headings within pages."""
    dead = []
    for link in links_of(page):
        target, anchor = _target(page, link), link.partition("#")[2]
        if not target.exists() or (anchor and anchor not in anchors_of(target)):
            dead.append(link)
    assert set(dead) <= AWAITED


def test_every_page_is_linked_from_another() -> None:
    """A page that nothing leads to is not read."""
    linked = {
        _target(page, link)
        for page in PAGES
        for link in links_of(page)
        if _target(page, link) != page
    }
    assert [named(page) for page in DOCUMENTS if page not in linked] == []


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_make_target_that_a_page_names_exists(page: Path) -> None:
    """In blocks of code and within text."""
    makefile = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    named_targets = {
        target
        for command in commands_of(page)
        for target in re.findall(r"(?:^|[;&|] ?|\w=\S+ )(?:\$ )?make ([a-z-]+)", command)
    }
    assert named_targets <= targets


def test_the_pages_name_make_targets_at_all() -> None:
    """Else the test above would look for the wrong thing."""
    found = {command for page in PAGES for command in commands_of(page) if "make " in command}
    assert {"make lint", "make types"} <= found
