"""Which messages are taken in hand together, and in whose documents that is noted. Pure."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from actors.rules.ends import SUSPECT_AT_LEAST
from bus.wire.ownership import UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from actors.rules.ends import Ends
    from bus.inbound.log_source import LogMessage

STRETCH = 256
"""Messages in hand at a time where none is suspect: one by one, each would cost a write."""

NEAR = 10_000
LONG_STRETCH = 8 * STRETCH
"""So many at a time behind so many: hardly a home has read so far without its position moving, and
a backlog is not to wait for notes that find nothing."""

IN_HAND_S = 2.0
"""What is not settled by then is no poison: it waits for a server, and others need not wait."""

_REST_S = IN_HAND_S + 0.5


def rest_s(times: int) -> float:
    """Return how long to wait before a suspect is taken in hand that was suspect so many times.

    So that who ends each time as long after its start does not always end with that in hand.
    """
    return _REST_S * min(times, SUSPECT_AT_LEAST)


def longest_stretch(messages_read: int) -> int:
    """Return how many messages to take in hand at a time, behind so many."""
    return STRETCH if messages_read < NEAR else LONG_STRETCH


def times_suspect(message: LogMessage, ends: Iterable[Ends]) -> int:
    """Return how often a message was in hand as a home ended, the most of any partition."""
    return max(
        (one.times for one in ends if one.suspect and one.suspect.holds(message.sequence)),
        default=0,
    )


def next_stretch(
    messages: Sequence[LogMessage], ends: Sequence[Ends], most: int = STRETCH
) -> list[LogMessage]:
    """Return which of these come next: one that is suspect alone, else all up to the next such.

    But no more than ``most``.
    """
    suspecting = [one for one in ends if one.suspect is not None]
    stretch: list[LogMessage] = []
    for message in islice(messages, most):
        if times_suspect(message, suspecting):
            return stretch or [message]
        stretch.append(message)
    return stretch


def concerned(
    owners: Iterable[int], messages: Iterable[LogMessage], bars: Mapping[int, int]
) -> set[int]:
    """Return the partitions for which messages are in hand, of those read for, with their bars.

    A message whose owner shows without decoding it is in the owner's hand alone; any other, whose
    owner is ``UNKNOWN``, is in everybody's, who have to decode it to know.
    """
    numbers: set[int] = set()
    for owner, message in zip(owners, messages, strict=True):
        for number in bars if owner == UNKNOWN else (owner,):
            if message.sequence > bars.get(number, message.sequence):
                numbers.add(number)
    return numbers
