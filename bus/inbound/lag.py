"""How far the reader is behind its log."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from actors.rules.positions import Place


class Lag:
    """Looked at every second or so, not at every message. Runs on the bus's event loop.

    What it is told is the reader's: the last delivery says how many messages were behind it, and
    the log's state, asked every few seconds, how many have come since.
    """

    def __init__(self, now_s: float) -> None:
        """Start with nothing known to wait; times are seconds since 1970."""
        self.waiting = 0
        """Messages in the log that were not looked at yet."""
        self.last_taken_at_s: float | None = None
        """When the message looked at last was put into the log."""
        self._caught_up_at_s = now_s

    def look(self, place: Place | None, waiting: int, now_s: float) -> None:
        """Take in where the reader is, and how many messages wait behind that."""
        if place is not None and place.sequence:
            self.last_taken_at_s = place.timestamp_ns / 1e9
        self.waiting = waiting
        if not waiting:
            self._caught_up_at_s = now_s

    def behind_s(self, now_s: float) -> float:
        """Return how long the oldest message that waits has waited, at the most; 0 with none."""
        if not self.waiting:
            return 0.0
        since_s = max(self._caught_up_at_s, self.last_taken_at_s or 0.0)
        return max(0.0, now_s - since_s)
