"""What the tests in a browser need."""

from __future__ import annotations

import os

import pytest

from tests.chromium import chromium


@pytest.fixture(autouse=True)
def _chromium() -> None:
    """Skip where there is no browser, and fail where there must be one."""
    if chromium() is not None:
        return
    reason = "no chromium: `make chromium` installs it on Debian, CHROMIUM names another"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)
