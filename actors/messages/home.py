"""What the home actor is told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from actors.rules.ends import Stretch
    from actors.rules.partitions import HomesView
    from actors.rules.positions import Place


@dataclass(frozen=True, slots=True)
class LookSoon:
    """Anybody to home: something has changed, do not wait for the next round. A hint."""


@dataclass(frozen=True, slots=True)
class RoundDue:
    """Timer to home: begin the next round."""

    number: int
    """Of the timer: an older one is not waited for any more."""


@dataclass(frozen=True, slots=True)
class BeatConfirmed:
    """Store to home: the sign of life is durable."""


@dataclass(frozen=True, slots=True)
class Looked:
    """Store to home: who is up and who has what."""

    view: HomesView


@dataclass(frozen=True, slots=True)
class HomesWritten:
    """Store to home: what was claimed, freed or lowered may have taken effect; a look tells."""


@dataclass(frozen=True, slots=True)
class HomesUnavailable:
    """Store to home: it does not answer; what was written may or may not have taken effect."""

    error: str


@dataclass(frozen=True, slots=True)
class SavePositions:
    """Timer to home: save the positions that have moved."""


@dataclass(frozen=True, slots=True)
class PositionsSaved:
    """Store to home: the positions of so many partitions stand as they were sent."""

    sent: int
    matched: int


@dataclass(frozen=True, slots=True)
class PositionsNotSaved:
    """Store to home: it does not answer."""

    error: str


@dataclass(frozen=True, slots=True)
class NoteInHand:
    """Bus to home: note what is in hand of partitions, before it is handled."""

    in_hand: Mapping[int, Stretch | None]
    noted: Callable[[], None]
    """Called once it is stored, on the dispatcher's thread."""
    over: bool
    """See ``InHand``."""


@dataclass(frozen=True, slots=True)
class InHandNoted:
    """Store to home: it is stored; or it may not be, and is to be tried again."""

    asked: NoteInHand
    error: str | None = None


@dataclass(frozen=True, slots=True)
class PositionsFell:
    """Bus to home: the log is not the one it was; these partitions are read from lower places."""

    positions: Mapping[int, Place]


@dataclass(frozen=True, slots=True)
class UsersDoubted:
    """Store to home: for a while nothing kept others from overwriting what was saved here."""


@dataclass(frozen=True, slots=True)
class PartitionEmptied:
    """Router to home: the users of a partition have left memory, with nothing unsaved or owed."""

    number: int


@dataclass(frozen=True, slots=True)
class LeaveHomes:
    """Whoever stops the service to home: have all saved, free the partitions, and go."""

    left: Callable[[int], None]
    """Called once, on the dispatcher's thread, when nothing is left to do.

    Told how many messages were not finished in time, with nobody else up to take them over.
    """
    patience_s: float
    """So long users may take when nobody else is up to have them; else as in any hand-over."""


HomeMessage = (
    LookSoon
    | RoundDue
    | BeatConfirmed
    | Looked
    | HomesWritten
    | HomesUnavailable
    | SavePositions
    | PositionsSaved
    | PositionsNotSaved
    | NoteInHand
    | InHandNoted
    | PositionsFell
    | UsersDoubted
    | PartitionEmptied
    | LeaveHomes
)
