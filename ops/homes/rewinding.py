"""Setting positions back, and what that means. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from actors.rules.positions import Place

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from actors.rules.partitions import Partition


class Log(NamedTuple):
    """How the log stands."""

    created: str
    """What tells it from another of the same name: ``Place.log``."""
    first: int
    """The lowest sequence that it has."""
    last: int
    stream: str = ""
    """The name of the stream."""


class Rewinding(NamedTuple):
    """Which partitions go back, and where to."""

    position: Place
    partitions: tuple[Partition, ...]
    """Those that stand above it; the others stay where they are."""
    strangers: tuple[int, ...]
    """Partitions whose position says nothing of this log: it is of another one, or stands on a
    message that the log has lost. Who reads them sees that, and goes back to what is sure."""
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


def rewinding(
    partitions: Iterable[Partition], position: Place, log: Log, put_at: Mapping[int, int]
) -> Rewinding:
    """Say which partitions go back to ``position``; raises ``RewindRefusedError`` if none does.

    ``put_at`` is when the messages on which positions stand were put into the log, in ns since
    1970, by sequence. Behind a tail that was lost other messages have its sequences: set back
    among those, a position that had passed the lost ones would pass what nobody has read.
    """
    all_of_them = list(partitions)
    above = [one for one in all_of_them if one.position.sequence > position.sequence]
    back = [
        one
        for one in above
        if one.position.log == log.created
        and put_at.get(one.position.sequence) == one.position.timestamp_ns
    ]
    strangers = [
        one
        for one in all_of_them
        if one not in back
        and one.position.sequence
        and (one in above or one.position.log != log.created)
    ]
    if above and not back:
        raise RewindRefusedError(
            "what the positions stand on is not in this log: who reads them goes back to what is "
            "sure, without being told"
        )
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
