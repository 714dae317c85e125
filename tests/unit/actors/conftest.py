"""Keeps tests of actors apart."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from pykka import ActorRegistry

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def _forgets_registered_actors() -> Iterator[None]:
    """Take what a test started out of Pykka's registry, which is one for the process."""
    yield
    for ref in ActorRegistry.get_all():
        ActorRegistry.unregister(ref)
