"""A crowd of made-up users whose alarms go on and off, from a seed: what ``demo`` sends."""

from __future__ import annotations

import json
from collections import deque
from typing import TYPE_CHECKING

from actors.rules.alarms import Severity
from bus.wire.instants import format_instant

if TYPE_CHECKING:
    from random import Random

_NAMES = ("ada", "barbara", "claude", "donald", "edsger", "frances", "grace", "hedy", "john")
_HOSTS = ("web", "db", "mail", "build", "cache", "laptop")
_TROUBLES = ("disk-full", "cpu-hot", "memory-low", "backup-old", "certificate-expires", "ping-lost")
_ALARMS_PER_USER = 6
_LATE, _TWICE = 0.05, 0.03
_HELD_BACK = 20
"""So many events later a late one is sent."""

_NEXT = {
    Severity.CLEARED: (Severity.WARNING, Severity.WARNING, Severity.CRITICAL),
    Severity.WARNING: (Severity.CLEARED, Severity.CLEARED, Severity.CRITICAL),
    Severity.CRITICAL: (Severity.CLEARED, Severity.CLEARED, Severity.WARNING),
}


class Crowd:
    """Makes bodies of events: most in order, some late, some twice."""

    def __init__(self, users: int, random: Random) -> None:
        """Make up ``users`` users; the same ``random`` makes the same crowd."""
        self._random = random
        self.users = [f"demo-{random.choice(_NAMES)}-{number}" for number in range(users)]
        self._alarms: dict[tuple[str, str], Severity] = {}
        self._alarms_of = {user: self._made_up_alarms() for user in self.users}
        self._late: deque[tuple[int, bytes]] = deque()
        self._repeat: bytes | None = None
        self._count = 0

    def next_event(self, now_ns: int) -> bytes:
        """Return the next event's body; ``now_ns`` in nanoseconds since 1970."""
        self._count += 1
        if self._repeat is not None:
            body, self._repeat = self._repeat, None
            return body
        if self._late and self._late[0][0] <= self._count:
            return self._late.popleft()[1]
        body = self._make_event(now_ns)
        if self._random.random() < _LATE:
            self._late.append((self._count + _HELD_BACK, body))
            body = self._make_event(now_ns)
        if self._random.random() < _TWICE:
            self._repeat = body
        return body

    def someone(self) -> str:
        """Return a user who might want a digest."""
        return self._random.choice(self.users)

    def _made_up_alarms(self) -> list[str]:
        random = self._random
        return [
            f"{random.choice(_TROUBLES)}@{random.choice(_HOSTS)}-{random.randint(1, 9):02}"
            for _ in range(_ALARMS_PER_USER)
        ]

    def _make_event(self, now_ns: int) -> bytes:
        user = self.someone()
        alarm = self._random.choice(self._alarms_of[user])
        known = self._alarms.get((user, alarm), Severity.CLEARED)
        status = self._alarms[user, alarm] = self._random.choice(_NEXT[known])
        fields = {
            "AlarmID": alarm,
            "UserID": user,
            "Status": status.name,
            "ChangedAt": format_instant(now_ns),
        }
        return json.dumps(fields).encode()
