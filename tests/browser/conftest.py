"""What the tests in a browser need."""

from __future__ import annotations

import pytest

from tests.programs import program


@pytest.fixture(autouse=True)
def _chromium() -> None:
    """Skip where there is no browser, and fail where there must be one."""
    program("chromium")
