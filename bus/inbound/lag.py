"""How far the consumer is behind its stream."""

from __future__ import annotations


def waiting_after(reply: str) -> tuple[int, int]:
    """Return (messages behind this one, its timestamp in ns) of a delivery's reply subject.

    See ``bus.inbound.jetstream.parse_ack_subject`` for its form.
    """
    tokens = reply.split(".")
    first = 4 if len(tokens) < 11 else 6
    return int(tokens[first + 4]), int(tokens[first + 3])


class Lag:
    """Looked at every second or so, not at every message. Runs on the bus's event loop.

    Each delivery tells how many messages wait behind it. Of old it says nothing any more: while
    the window is full others arrive, and other instances take what waited; the server is asked.
    """

    def __init__(self, now_s: float) -> None:
        """Start with nothing known to wait; times are seconds since 1970."""
        self.waiting = 0
        """Messages in the stream that were not delivered to anybody yet."""
        self.last_taken_at_s: float | None = None
        """When the message taken last was put into the stream."""
        self._reply = ""
        self._caught_up_at_s = now_s

    def look(self, last_reply: str, now_s: float) -> bool:
        """Take in what the last delivery says; False when there was none since the last look."""
        if last_reply == self._reply:
            return False
        self._reply = last_reply
        waiting, timestamp_ns = waiting_after(last_reply)
        self.last_taken_at_s = timestamp_ns / 1e9
        self.learn(waiting, now_s)
        return True

    def learn(self, waiting: int, now_s: float) -> None:
        """Take in what the server says."""
        self.waiting = waiting
        if not waiting:
            self._caught_up_at_s = now_s

    def behind_s(self, now_s: float) -> float:
        """Return how long the oldest message that waits has waited, at the most; 0 with none."""
        if not self.waiting:
            return 0.0
        since_s = max(self._caught_up_at_s, self.last_taken_at_s or 0.0)
        return max(0.0, now_s - since_s)
