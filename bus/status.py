"""How the bus stands at a moment, for those who watch it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BusStatus:
    """How the bus stands at a moment."""

    connected: bool
    pulling: bool
    """Whether what is to be read is read, or would be if there were room. An instance without
    partitions has nothing to read. False before the start, during the stop, and in trouble."""
    in_flight: int
    """Messages taken and not settled."""
    dropped: int
    """Messages lost on core NATS because we were too slow."""
    waiting: int
    """Messages of the log that were not looked at yet, whosever they are; 0 on core NATS."""
    behind_s: float
    """How long the oldest of those has waited, at the most."""
    last_taken_at_s: float | None
    """When the message looked at last was put into the log, in seconds since 1970."""
    digests_refused: str | None = None
    """Why digests are not taken by their stream; None while they are."""
    trouble: str | None = None
    """Why it is not connected, or takes no messages, with the mend where it is known."""
    server: str = ""
    """What the NATS server calls itself."""
    answered_in_s: float | None = None
    """How long it took to answer the log's last question; None on core NATS, which asks none."""
    rejecting: int = 0
    """Rejected messages whose dead letter is not in its stream yet."""
    refused: str | None = None
    """Why dead letters are not taken; None while they are."""
