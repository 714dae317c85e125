"""Pacing: when users that have changed are to save, so that saves come in groups and coalesce.

A user saves an interval after its first change; all that comes for it meanwhile goes with the same
write. What is due is told to save by the group, each when the last one has found room: what waits
here still grows together, what waits at the checkpointer does not.

The interval shrinks once half the window of messages that may be taken and not settled is used,
down to nothing when the window is full: what waits for a save must not keep others out. Nor is
anything waited for when no more mail comes.

Requests come first: while digests are asked for, groups are small, so that no digest's save waits
in MongoDB behind a thousand that nobody waits for.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Hashable

TICKS_PER_INTERVAL = 8
"""At least, in a checkpoint interval: the saves of a moment make a group, and no tick has many."""
TICK_MAX_S = 0.025
"""However long the interval: the saves of a quarter of a second come in a heap."""
GROUP_WHILE_ASKED = 100
"""Users told to save at a time while digests are asked for."""
QUIET_S = 0.25
"""After so long without mail nothing is waited for that could go with the same save."""
ASKED_S = 0.25
"""How long after the last request they still are."""


@dataclass(slots=True)
class Paced:
    """What pacing notes of a user."""

    to_save: bool = False
    """It was sent mail since it was told to save."""


K = TypeVar("K", bound="Hashable")
P = TypeVar("P", bound=Paced)


class SavePacing(Generic[K, P]):
    """Two queues: those that rest since their first change, and those that are due."""

    def __init__(self, interval_s: float, group_max: int) -> None:
        """Save a user ``interval_s`` after it changed, ``group_max`` users at a time."""
        self._interval_s = interval_s
        self._group_max = group_max
        self._resting: deque[tuple[float, K, P]] = deque()
        """To be saved an interval after the time beside them, when they changed."""
        self._due: deque[tuple[K, P]] = deque()
        """To be saved as soon as there is room."""
        self._due_at_tick = 0
        self._mail_at_s = -inf
        self._asked_at_s = -inf

    @property
    def tick_s(self) -> float:
        """Seconds between two ticks."""
        return min(self._interval_s / TICKS_PER_INTERVAL, TICK_MAX_S)

    def mail_came(self, now_s: float) -> None:
        """Note that users were sent mail."""
        self._mail_at_s = now_s

    def asked(self, now_s: float) -> None:
        """Note that somebody asked for a digest."""
        self._asked_at_s = now_s

    def is_asked(self, now_s: float) -> bool:
        """Whether digests are being asked for."""
        return now_s - self._asked_at_s < ASKED_S

    def save_later(self, name: K, user: P, now_s: float) -> None:
        """Have a user save; it has not been told to since its last mail."""
        if user.to_save:
            return
        user.to_save = True
        self._resting.append((now_s, name, user))

    def save_soon(self, name: K, user: P) -> None:
        """Have a user save with the next tick, whatever it was told before."""
        user.to_save = True
        self._due.append((name, user))

    def tick(self, now_s: float, fill: float) -> None:
        """Let those be due that have rested long enough.

        ``fill`` is the share of the window of messages in flight that is taken, from 0 to 1.
        """
        quiet = now_s - self._mail_at_s >= QUIET_S
        share = 0.0 if quiet else min(1.0, 2.0 - 2.0 * fill)
        rested_since_s = now_s - self._interval_s * share
        while self._resting and self._resting[0][0] <= rested_since_s:
            _, name, user = self._resting.popleft()
            if user.to_save:
                self._due.append((name, user))
        self._due_at_tick = len(self._due)

    def next_group(self, now_s: float) -> list[tuple[K, P]]:
        """Take a group of those that were due at the tick; they are told to save now."""
        most = GROUP_WHILE_ASKED if self.is_asked(now_s) else self._group_max
        count = min(self._due_at_tick, self._group_max, most)
        self._due_at_tick -= count
        group = [self._due.popleft() for _ in range(count)]
        for _, user in group:
            user.to_save = False
        return group
