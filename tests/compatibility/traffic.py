"""What is sent while versions take turns, and what must have become of all of it."""

from __future__ import annotations

import json
from collections import Counter
from random import Random
from typing import TYPE_CHECKING

from actors.rules.alarms import UserID
from tests.load import differences, events, feed, hear, untold
from tests.oracle import Oracle
from tests.pairs import Pairs

if TYPE_CHECKING:
    from collections.abc import Mapping

    from actors.ports import Checkpoint
    from tests.broker import Broker, Names

_USERS, _ALARMS = 40, 3
_EVENTS, _PAIRS = 300, 150


class Traffic:
    """Users whose alarms go up and down, some asking now and then; and pairs, for the order."""

    def __init__(self, names: Names, seed: int) -> None:
        """Nothing was sent yet."""
        self._names = names
        self._random = Random(seed)
        self._events = events(self._random, _USERS, _ALARMS, 10**6)
        self._pairs = Pairs(names, users=100)
        self._requests: Counter[str] = Counter()
        self.oracle = Oracle()

    async def send(self, broker: Broker) -> None:
        """Send some more, and return once the stream has it."""
        some = [self._request(f"{user}") for user in range(0, _USERS, 2)]
        for _ in range(_EVENTS):
            event = next(self._events)
            user_id = UserID(event.user_id.removeprefix("user-"))
            [body] = feed(self.oracle, iter([event._replace(user_id=user_id)]))
            some.append((self._names.events, body))
        self._random.shuffle(some)
        await broker.put_many([*some, *self._pairs.next(_PAIRS)])

    async def end(self, broker: Broker) -> None:
        """Ask for everybody once more; return when all is settled."""
        await broker.put_many([self._request(user_id) for user_id in sorted(self.oracle.users())])
        await broker.settled()

    async def wrong(self, broker: Broker, stored: Mapping[UserID, Checkpoint]) -> list[str]:
        """Return a line for whatever was lost, told twice, or told too early."""
        digests = await broker.digests()
        ids = Counter((digest.headers or {})["Nats-Msg-Id"] for digest in digests)
        asked = [json.loads(digest.data)["UserID"] for digest in digests]
        both = list(zip(asked, digests, strict=True))
        of_pairs = [digest for user_id, digest in both if user_id.startswith("user-")]
        others = [digest for user_id, digest in both if not user_id.startswith("user-")]
        answered = Counter(user_id for user_id in asked if not user_id.startswith("user-"))
        return [
            *(f"{one} came {times} times" for one, times in ids.items() if times > 1),
            *self._pairs.wrong(of_pairs),
            *([] if answered == self._requests else [f"{self._requests - answered} unanswered"]),
            *([] if answered <= self._requests else [f"{answered - self._requests} too many"]),
            *hear(self.oracle, (digest.data for digest in others)),
            *untold(self.oracle),
            *differences(self.oracle, dict(stored)),
            *(f"dead letter: {letter.data!r}" for letter in await broker.dead_letters()),
        ]

    def _request(self, user_id: str) -> tuple[str, bytes]:
        self._requests[user_id] += 1
        return self._names.requests, json.dumps({"UserID": user_id}).encode()
