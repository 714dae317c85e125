"""What the scenarios send, and what they find stored."""

from __future__ import annotations

from itertools import islice
from random import Random
from typing import TYPE_CHECKING, Any

import orjson
from bson import encode
from bson.raw_bson import RawBSONDocument

from actors.ports import CheckpointUpdate
from actors.rules.alarms import Alarm, AlarmID, Severity, UserID
from store.users.blocking import StandaloneStore
from store.users.document import SCHEMA
from tests.load import SPAN_NS, START_NS, Event, events

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pymongo.collection import Collection

    from bench.stage import Stage
    from tests.broker import Names

ALARMS = 10
EVENTS_PER_REQUEST = 20
"""In what is mixed: so is the load that the goals speak of."""

_ALARM = Alarm(Severity.WARNING, 10**18, Severity.CLEARED, None, news=True, heard_at_s=0)
_LATER_NS = 17 * 10**17
_BEHIND_TOUCHES = 10**8
_STORED_AT_A_TIME = 5_000


def later_events(number: int, users: int, count: int) -> Iterator[Event]:
    """Yield a round's events, each later than all of the round before."""
    return events(Random(number), users, ALARMS, count, START_NS + number * SPAN_NS)


def touches(users: Iterable[int], first: int = 0) -> Iterator[Event]:
    """Yield an event for each of ``users``; with growing ``first`` each is later than before."""
    for number, user in enumerate(users, first):
        yield Event(
            UserID(f"user-{user}"),
            AlarmID(f"alarm-{number % ALARMS}"),
            Severity(number % 3),
            _LATER_NS + number,
        )


def one_active_alarm(users: int) -> Iterator[Event]:
    """Yield an alarm for each user."""
    for user in range(users):
        yield Event(UserID(f"user-{user}"), AlarmID("a"), Severity.CRITICAL, 10**18 + user)


def bodies(load: Iterable[Event]) -> Iterator[bytes]:
    """Yield the events as they are on the wire."""
    for event in load:
        yield event.body()


def request(user: str) -> bytes:
    """Return the request of a digest as it is on the wire."""
    return orjson.dumps({"UserID": user})


def requests(names: Names, users: Iterable[int]) -> Iterator[tuple[str, bytes]]:
    """Yield a digest request of each user, with its subject."""
    for user in users:
        yield names.requests, request(f"user-{user}")


def mixed(names: Names, random: Random, users: int, count: int) -> Iterator[tuple[str, bytes]]:
    """Yield ``count`` messages of random users, every twenty-first a request, with subjects."""
    load = touches((random.randrange(users) for _ in iter(int, 1)), _BEHIND_TOUCHES)
    for number in range(count):
        if number % (EVENTS_PER_REQUEST + 1) == EVENTS_PER_REQUEST:
            yield names.requests, request(f"user-{random.randrange(users)}")
        else:
            yield names.events, next(load).body()


def store_users(stage: Stage, names: Names, users: Iterable[UserID], alarms: int = ALARMS) -> None:
    """Have these stored with so many alarms each, as the service stores them."""
    store = StandaloneStore(stage.store_settings(names))
    store.open()
    known = {AlarmID(f"alarm-{number}"): _ALARM for number in range(alarms)}
    left = iter(users)
    while some := list(islice(left, _STORED_AT_A_TIME)):
        store.save([CheckpointUpdate(user, 0, known, None) for user in some])
    store.close()


def store_many_quickly(users: Collection[dict[str, Any]], count: int) -> None:
    """Have users without alarms stored, by the million."""
    for first in range(0, count, _STORED_AT_A_TIME):
        some = range(first, min(count, first + _STORED_AT_A_TIME))
        documents = [
            RawBSONDocument(
                encode({"_id": f"user-{user}", "schema": SCHEMA, "base": 0, "version": 1})
            )
            for user in some
        ]
        users.insert_many(documents, ordered=False, bypass_document_validation=True)


def named(users: Iterable[int]) -> Iterator[UserID]:
    """Yield the ids of numbered users."""
    for user in users:
        yield UserID(f"user-{user}")
