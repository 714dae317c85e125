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
    """Messages that arrived, whatever they are; those below are among them."""
    requests: int = 0
    """Digest requests that were enqueued."""
    repeated: int = 0
    """Messages that came again while they were in memory."""
    rejected: int = 0
    """Messages that cannot be decoded."""
    foreign: int = 0
    """Messages of a subject that is not ours, in a stream that somebody else set up."""
    redelivered: int = 0
    """Messages that the broker says it has delivered before."""
    settled: int = 0
    """Messages that were acknowledged."""
    dead_letters: Counter[RejectionKind] = field(default_factory=Counter)
    """Dead letters that are in their stream, by the kind of their rejection."""
    dead_letter_retries: int = 0
    pull_resets: int = 0
    """New inboxes, after a reconnect, a silence or a refusal."""
    pull_refusals: int = 0
    """Pull requests that the server refused."""
    reconnects: int = 0
    last_reply: str = ""
    """The acknowledgement address of the message that came last; its tail tells the lag."""

    @property
    def events(self) -> int:
        """Alarm events that were enqueued."""
        return self.taken - self.requests - self.repeated - self.rejected - self.foreign
