"""The trace of a history: what happened, in order, and how often."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum


class Happening(StrEnum):
    """What can happen, in the words of trace and summary."""

    BEGUN = "begins under"
    EVENT = "event put in"
    REQUEST = "request put in"
    BAD = "bad message put in"
    FOREIGN = "message of others put in"
    REPEATED = "of these, put in again"
    READ = "reads"
    READ_AGAIN = "of these, read before"
    READING_LOST = "loses its reading"
    QUESTION_FAILED = "does not learn how the log stands"
    SETTLED = "settles"
    LOADED = "loaded"
    SAVED = "saved"
    CONFLICTED = "save conflicted"
    SAVE_REFUSED = "save refused"
    UNREADABLE = "checkpoint unreadable"
    CALL_REFUSED = "finds no store to"
    CALL_LOST = "call lost"
    CALL_LATE = "call or its answer late"
    ANSWER_LOST = "answer lost"
    FORGOTTEN = "alarm forgotten"
    DIGEST = "digest published"
    PART = "digest saved that others follow"
    DEAD_LETTER = "dead letter published"
    NO_ROOM = "of these, for want of room"
    PUBLICATION_REPEATED = "publication dropped as a repeat"
    PUBLICATION_LOST = "publication lost"
    PUBLICATION_ANSWER_LOST = "publication's answer lost"
    PUBLICATION_LATE = "publication on its way"
    ANSWERED = "producer is answered"
    REPLY_LOST = "answer to a producer lost"
    CLAIMED = "claims"
    FREED = "frees"
    LOWERED = "lowers"
    FORGETS = "forgets instances"
    POSITION = "position saved"
    POSITION_FELL = "position fell"
    NUDGE_LOST = "nudge lost"
    STARTED = "starts"
    KILLED = "is killed"
    PAUSED = "is paused"
    RESUMED = "goes on"
    TOLD_TO_STOP = "is asked to stop"
    ENDED = "ends"
    STORE_AWAY = "does not reach the store"
    HOMES_AWAY = "does not reach the store of homes"
    BROKER_AWAY = "does not reach the broker"
    TAIL_LOST = "the broker loses all behind"
    RENEWED = "the stream is made anew"
    DISCARDED = "a limit discards all below"
    PURGED = "purged below"
    REWOUND = "positions are set back to"
    POISONED = "poison in the"
    CALMED = "the faults end"


@dataclass(slots=True)
class Trace:
    """What happened, in order; formatted only when somebody wants to read it."""

    counts: Counter[Happening] = field(default_factory=Counter)
    _entries: list[tuple[object, ...]] = field(default_factory=list)

    def note(
        self, elapsed_s: float, who: object, what: Happening, *details: object, times: int = 1
    ) -> None:
        """Add an entry, about something that happened so many ``times``."""
        self.counts[what] += times
        self._entries.append((elapsed_s, who, what, *details))

    def lines(self) -> list[str]:
        """Return the entries as lines of text."""
        return [
            f"{elapsed_s:10.2f} {who!s:>6} {what}" + "".join(f" {detail}" for detail in details)
            for elapsed_s, who, what, *details in self._entries
        ]
