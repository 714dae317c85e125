"""Setting positions back, and what that means. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from actors.rules.positions import Place

if TYPE_CHECKING:
    from collections.abc import Iterable

    from actors.rules.partitions import Partition


class Log(NamedTuple):
    """How the log stands."""

    created: str
    """What tells it from another of the same name: ``Place.log``."""
    first: int
    """The lowest sequence that it has."""
    last: int


class Rewinding(NamedTuple):
    """Which partitions go back, and where to."""

    position: Place
    partitions: tuple[Partition, ...]
    """Those that stand above it; the others stay where they are."""
    strangers: tuple[int, ...]
    """Partitions whose position is of another log: they are read from its beginning anyhow."""
    again: int
    """Messages of the log that are read again, whosever they are; holes count."""


class RewindRefusedError(Exception):
    """Raised when positions cannot be set back to there; the text says why, and the mend."""


def before(sequence: int, timestamp_ns: int, log: Log) -> Place:
    """Return the position from which ``sequence`` is read next.

    ``timestamp_ns`` is that of the message before it. Raises ``RewindRefusedError``.
    """
    if sequence > log.last:
        raise RewindRefusedError(
            f"the log ends at sequence {log.last}: positions are set back, never forward"
        )
    if sequence < log.first:
        raise RewindRefusedError(
            f"the log begins at sequence {log.first}, what was before it is gone: "
            f"--to {log.first} reads all that there is"
        )
    # Before the first message there is none to recognise the log by.
    return Place(sequence - 1, timestamp_ns if sequence > log.first else 0, log.created)


def rewinding(partitions: Iterable[Partition], position: Place, log: Log) -> Rewinding:
    """Say which partitions go back to ``position``; raises ``RewindRefusedError`` if none does."""
    all_of_them = list(partitions)
    strangers = [
        one for one in all_of_them if one.position.sequence and one.position.log != log.created
    ]
    back = [
        one
        for one in all_of_them
        if one not in strangers and one.position.sequence > position.sequence
    ]
    if not back:
        lowest = min((one.position.sequence for one in all_of_them), default=0)
        raise RewindRefusedError(
            f"no position is above sequence {position.sequence}, the lowest is {lowest}: positions "
            "are set back, never forward"
        )
    return Rewinding(
        position,
        tuple(back),
        tuple(one.number for one in strangers),
        log.last - position.sequence,
    )
