"""Programs that tests run and no package of Python's brings: ``make programs`` installs them."""

from __future__ import annotations

import os
import shutil

import pytest


def program(name: str) -> str:
    """Return where a program is; without it skip the test, and in CI fail it."""
    variable = name.upper().replace("-", "_")
    found = os.environ.get(variable) or shutil.which(name)
    if found is None:
        missing = f"no {name}: `make programs` installs it on Debian, {variable} names another"
        if os.environ.get("CI") == "true":
            pytest.fail(missing)
        pytest.skip(missing)
    return found
