"""Messages: what is published, and noted by the oracle as it is made."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from actors.rules.alarms import AlarmID, Severity, UserID
from tests.load import Event, events

if TYPE_CHECKING:
    from collections.abc import Iterator
    from random import Random

    from tests.broker import Names
    from tests.oracle import Oracle

USERS = 1000
ALARMS = 5
_EVENTS_PER_REQUEST = 25
_ADVANCE_NS = 10**10
_PROBED_AT_NS = 1_700_000_000_123_456_789
_LARGE_BYTES = 1024 * 1024 - 1024
"""A server's ``max_payload`` by default, less room for headers."""


class Messages:
    """Makes messages, each a subject and a body. Runs on the field's thread."""

    def __init__(self, names: Names, oracle: Oracle, random: Random) -> None:
        """Tell ``oracle`` of every event."""
        self._names = names
        self._oracle = oracle
        self._random = random
        self._new_users = 0

    def load(self) -> Iterator[tuple[str, bytes]]:
        """Yield events of a thousand users, and now and then a request, for ever."""
        random = self._random
        for number, event in enumerate(
            events(random, USERS, ALARMS, sys.maxsize, advance_ns=_ADVANCE_NS)
        ):
            self._oracle.receive(*event)
            yield self._names.events, event.body()
            if number % _EVENTS_PER_REQUEST == 0:
                yield self.request(f"user-{random.randrange(USERS)}")

    def request(self, user: str) -> tuple[str, bytes]:
        """Return a request of somebody's digest."""
        return self._names.requests, json.dumps({"UserID": user}).encode()

    def new_user(self, kind: str) -> UserID:
        """Return somebody of whom there was no message yet."""
        self._new_users += 1
        return UserID(f"{kind}-{self._new_users}")

    def event_of(self, user: UserID) -> tuple[str, bytes]:
        """Return an alarm of that user's."""
        event = Event(user, AlarmID("probe"), Severity.CRITICAL, _PROBED_AT_NS)
        self._oracle.receive(*event)
        return self._names.events, event.body()

    def large_event(self) -> tuple[str, bytes]:
        """Return a new user's alarm in a body of a mebibyte."""
        subject, body = self.event_of(self.new_user("large"))
        body = body[:-1] + b',"Note":"'
        return subject, body.ljust(_LARGE_BYTES - 2, b"x") + b'"}'
