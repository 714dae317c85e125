"""The bus's tally: what was taken from NATS and given to it. See ``actors.tally``."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from actors.rejections import RejectionKind


@dataclass(slots=True)
class BusTally:
    """Written on the bus's thread only, once a batch where there are batches."""

    taken: int = 0
    """Messages of users at home here, whatever they are; the three below are among them."""
    requests: int = 0
    """Digest requests that were enqueued."""
    rejected: int = 0
    """Messages that cannot be decoded."""
    foreign: int = 0
    """Messages of a subject that is not ours, in a stream that somebody else set up."""
    skipped: int = 0
    """Messages of the log that are others', or were taken before."""
    discarded: int = 0
    """Sequences of the log that were discarded before they were read here."""
    falls: int = 0
    """How often the log was not the one it was, and was read again from a lower place."""
    settled: int = 0
    """Messages that are done with."""
    dead_letters: Counter[RejectionKind] = field(default_factory=Counter)
    """Dead letters that are in their stream, by the kind of their rejection."""
    dead_letter_retries: int = 0
    pull_resets: int = 0
    """Readings begun anew, after a reconnect, a silence, a gap or a refusal."""
    pull_refusals: int = 0
    """Pull requests that the server refused."""
    reconnects: int = 0

    def count_reconnect(self) -> None:
        """Count one more."""
        self.reconnects += 1

    @property
    def events(self) -> int:
        """Alarm events that were enqueued."""
        return self.taken - self.requests - self.rejected - self.foreign
