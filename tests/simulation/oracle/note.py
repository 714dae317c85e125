"""What oracles need to add to the trace."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from tests.simulation.trace import Happening


class Note(Protocol):
    """Adds to the trace."""

    def __call__(self, who: object, what: Happening, *details: object, times: int = 1) -> None:
        """See ``Trace.note``."""


class Fail(Protocol):
    """Notes a broken promise."""

    def __call__(self, what: str) -> None:
        """See ``Watch.fail``."""
