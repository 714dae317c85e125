"""The pages of the documents: their links, headings and code, as a reader of Markdown sees them."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING

from markdown_it import MarkdownIt

from tests.service import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from markdown_it.token import Token

PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]

_MARKDOWN = MarkdownIt("commonmark").enable("table")


def named(page: Path) -> str:
    """Return a page's path from the root, for the names of tests."""
    return page.relative_to(ROOT).as_posix()


def links_of(page: Path) -> list[str]:
    """Return where a page links to, within the repository: paths and anchors."""
    targets = [
        str(token.attrs.get("href") or token.attrs.get("src"))
        for token in _inline(page)
        if token.type in ("link_open", "image")
    ]
    return [target for target in targets if not re.match(r"[a-z]+:", target)]


def anchors_of(page: Path) -> set[str]:
    """Return the anchors that GitHub makes of a page's headings."""
    anchors: list[str] = []
    tokens = _MARKDOWN.parse(page.read_text())
    for opening, heading in pairwise(tokens):
        if opening.type != "heading_open":
            continue
        text = "".join(token.content for token in heading.children or ())
        slug = re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-")
        assert slug not in anchors, f"{named(page)}: two headings make the anchor {slug}"
        anchors.append(slug)
    return set(anchors)


def commands_of(page: Path) -> Iterator[str]:
    """Yield every line of a block of code, and every piece of code within text."""
    for token in _MARKDOWN.parse(page.read_text()):
        if token.type in ("fence", "code_block"):
            yield from token.content.splitlines()
    for token in _inline(page):
        if token.type == "code_inline":
            yield token.content


def between(page: Path, marker: str) -> str:
    """Return what stands between a page's two comments ``marker`` and ``/marker``."""
    text = page.read_text()
    beginning, end = f"<!-- {marker} -->\n", f"<!-- /{marker} -->"
    assert text.count(beginning) == text.count(end) == 1
    return text.partition(beginning)[2].partition(end)[0]


def _inline(page: Path) -> Iterator[Token]:
    for token in _MARKDOWN.parse(page.read_text()):
        yield from token.children or ()
