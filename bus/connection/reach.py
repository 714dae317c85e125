"""Whether JetStream answers by way of the server that we are connected to. Pure."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

OUT_OF_REACH_S = 2.5
"""A server that is cut off from its cluster goes on answering pings, and some questions besides:
after so long another one is tried. Where none has an answer, as in an election, one goes round: it
costs little, and to stay longer with each was tried: ten seconds went by beside one that had."""


class Reach:
    """Which kinds of questions were not answered, and since when. Runs on the bus's event loop."""

    def __init__(self, monotonic_s: Callable[[], float] = time.monotonic) -> None:
        """Begin within reach."""
        self._monotonic_s = monotonic_s
        self._since_s: dict[str, float] = {}

    def answered(self, kind: str) -> None:
        """Note that a question of a kind was answered, whatever was said."""
        self._since_s.pop(kind, None)

    def failed(self, kind: str, asked_s: float) -> None:
        """Note that what was asked then was not answered, or only that nobody can."""
        self._since_s.setdefault(kind, asked_s)

    def begin_anew(self) -> None:
        """Begin within reach of another server."""
        self._since_s.clear()

    def is_lost(self) -> bool:
        """Whether it is time to try another server."""
        first_s = min(self._since_s.values(), default=None)
        return first_s is not None and self._monotonic_s() - first_s >= OUT_OF_REACH_S
