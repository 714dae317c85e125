"""Pairs of an event and, right behind it, its user's request: what a digest must tell."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from bus.wire.instants import format_instant
from tests.load import START_NS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Iterator

    from nats.aio.msg import Msg

    from tests.broker import Broker, Names


class Pairs:
    """Pairs of some users in turn, each with an alarm of its own."""

    def __init__(self, names: Names, users: int) -> None:
        """Nothing was published yet."""
        self._names = names
        self._users = users
        self.count = 0
        self.alarms: dict[str, list[str]] = defaultdict(list)
        """Of each user, in the order of the log."""

    def next(self, pairs: int) -> Iterator[tuple[str, bytes]]:
        """Yield what to publish for so many more, in order: subject and body."""
        for number in range(self.count, self.count + pairs):
            user, alarm = f"user-{number % self._users}", f"alarm-{number}"
            self.count += 1
            self.alarms[user].append(alarm)
            at = format_instant(START_NS + number)
            event = {"AlarmID": alarm, "UserID": user, "Status": "WARNING", "ChangedAt": at}
            yield self._names.events, json.dumps(event).encode()
            yield self._names.requests, json.dumps({"UserID": user}).encode()

    def wrong(self, digests: Iterable[Msg]) -> list[str]:
        """Return a line for each digest that lacks an event, each that is missing or too many.

        The digests are all there are, in the order of their stream: the first of a user answers
        its first request, for a user's requests are answered in order.
        """
        found: list[str] = []
        heard: Counter[str] = Counter()
        told: dict[str, list[str]] = defaultdict(list)
        for digest in digests:
            fields = json.loads(digest.data)
            user = fields["UserID"]
            heard[user] += 1
            told[user] += [item["AlarmID"] for item in fields["ActiveAlarms"]]
            wanted = set(self.alarms[user][: heard[user]])
            if lacking := wanted - set(told[user]):
                found.append(f"digest {heard[user]} of {user} lacks {sorted(lacking)}")
        for user, alarms in self.alarms.items():
            if heard[user] != len(alarms):
                found.append(f"{heard[user]} digests for {len(alarms)} requests of {user}")
            if repeated := [one for one, times in Counter(told[user]).items() if times > 1]:
                found.append(f"{user} was told {repeated} again")
        return found


@asynccontextmanager
async def plain_subscriber(broker: Broker) -> AsyncIterator[Counter[str]]:
    """Count what somebody on core NATS sees, who keeps no ids: how often each digest came."""
    seen: Counter[str] = Counter()

    async def see(message: Msg) -> None:
        seen[(message.headers or {})["Nats-Msg-Id"]] += 1

    subscription = await broker.client.subscribe(broker.names.digests, cb=see)
    await broker.client.flush()
    yield seen
    await subscription.unsubscribe()
