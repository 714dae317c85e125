"""What a defect is."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest


class Defect(NamedTuple):
    """A mistake somebody could make."""

    what: str
    within: int
    """Histories, from seed 0, of which at least one must show it."""
    plant: Callable[[pytest.MonkeyPatch], None]
    """Puts it into the running code until the patch is undone."""
