"""The other versions, made once for all tests of this folder."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import pytest

from tests.compatibility.versions import NEWER, OLDER, RAISED, copied

if TYPE_CHECKING:
    from pathlib import Path

    from tests.deployment import Deployment


class Versions(NamedTuple):
    """One deployment, as three versions take part in it."""

    older: Deployment
    present: Deployment
    newer: Deployment


@pytest.fixture(scope="session")
def copies(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The source trees of the others, by what they are called."""
    changes = {"older": OLDER, "newer": NEWER, "raised": RAISED}
    return {name: copied(tmp_path_factory.mktemp(name), edits) for name, edits in changes.items()}


@pytest.fixture
def versions(deployment: Deployment, copies: dict[str, Path]) -> Versions:
    """A test's deployment."""
    return Versions(deployment.of(copies["older"]), deployment, deployment.of(copies["newer"]))
