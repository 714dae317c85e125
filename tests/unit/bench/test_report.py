"""The page's tables are the run's."""

from __future__ import annotations

import pytest

from bench.report import PAGE, with_tables


def test_what_stands_between_the_marks_is_replaced() -> None:
    """And nothing else of the page."""
    page = "a\n<!-- x -->\nold\nold\n<!-- /x -->\nb\n"
    assert with_tables(page, {"x": r"new \1"}) == "a\n<!-- x -->\nnew \\1\n<!-- /x -->\nb\n"


def test_a_page_without_the_marks_is_not_taken() -> None:
    """Or a run's table would be lost in silence."""
    with pytest.raises(AssertionError):
        with_tables("a", {"x": "new"})


def test_the_page_has_a_place_for_each_table() -> None:
    """Those that a full run writes."""
    with_tables(PAGE.read_text(), {"goals": "", "shares": "", "run": ""})
