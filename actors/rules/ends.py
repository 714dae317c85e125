"""Ends that were not orderly: which messages may be what ended the processes before. Pure.

A home that ended without freeing its partitions may have died of a message. Where that happens
again, with the partition's position where it was, the next home reads *carefully*: it notes a
stretch of messages as in hand before it decodes the first of them, and hands the next one on when
that one is settled. What was in hand as a home died is *suspect*, and taken one by one by the next;
a single message that was suspect often enough is *condemned*: it becomes a dead letter, unread.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from actors.rules.partitions import Partition
    from actors.rules.positions import Place

CAREFUL_FROM = 2
"""Ends at one position from which on one reads carefully: the first is as good as always a kill,
and is to cost nobody anything."""

SUSPECT_AT_LEAST = 3
"""How often a message must have been in hand when a home ended, however few attempts are allowed:
what is read beside it may be the culprit, and shows itself meanwhile."""


class Stretch(NamedTuple):
    """A stretch of a log."""

    first: int
    """The sequence of its first message."""
    last: Place

    def holds(self, sequence: int) -> bool:
        """Whether a message is in it."""
        return self.first <= sequence <= self.last.sequence

    def has_part(self, other: Stretch) -> bool:
        """Whether another one is a part of it; of a log that lost its tail it is not."""
        ends_with_it = other.last.sequence == self.last.sequence
        whole = self.holds(other.first) and self.holds(other.last.sequence)
        return whole and (other.last == self.last or not ends_with_it)


class Ends(NamedTuple):
    """What is known of the ends of a partition's former homes that were not orderly."""

    homes: int = 0
    """How many there were while the position stood at ``position``."""
    position: int = 0
    """A sequence: what is known is of no account once the position is another one."""
    suspect: Stretch | None = None
    """What was in hand as a home ended."""
    times: int = 0
    """How often in succession; all of that, or what the suspect is a part of."""
    in_hand: Stretch | None = None
    """What the present home has in hand, if it reads carefully."""


NO_ENDS = Ends()


def after_end(partition: Partition) -> Ends:
    """Return what is known when the home of a partition has ended, and not in order."""
    ends, position = partition.ends, partition.position.sequence
    homes = ends.homes + 1 if ends.position == position else 1
    suspect, times, in_hand = ends.suspect, ends.times, ends.in_hand
    if in_hand is not None:
        part = suspect is not None and suspect.has_part(in_hand)
        suspect, times = in_hand, times + 1 if part else 1
    if suspect is None or suspect.last.sequence <= position:
        suspect, times = None, 0
    return Ends(homes, position, suspect, times)


def after_freeing(partition: Partition) -> Ends:
    """Return what is known when a partition was freed in order: nothing was in hand."""
    return partition.ends._replace(in_hand=None)


def is_doubtful(partition: Partition) -> bool:
    """Whether to read a partition carefully."""
    ends, position = partition.ends, partition.position.sequence
    if ends.suspect is not None and ends.suspect.last.sequence > position:
        return True
    return ends.homes >= CAREFUL_FROM and ends.position == position


def condemned(ends: Ends, max_attempts: int) -> Place | None:
    """Return the message that has ended ``max_attempts`` homes; None where there is none.

    Those ends that had the position stand still before one read carefully count as well.
    """
    suspect = ends.suspect
    if suspect is None or suspect.first != suspect.last.sequence:
        return None
    return suspect.last if ends.times >= needed(max_attempts) else None


def needed(max_attempts: int) -> int:
    """Return how often a message has to be suspect until it is condemned."""
    return max(max_attempts - CAREFUL_FROM, SUSPECT_AT_LEAST)
