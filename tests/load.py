"""Load: events of many users in a shuffled, partly repeated order, and what must become of them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

from actors.rules.alarms import AlarmID, Severity, UserID
from bus.wire.instants import format_instant, parse_instant

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from random import Random

    from actors.ports import Checkpoint
    from tests.oracle import Oracle

START_NS = 1_600_000_000_123_456_789
SPAN_NS = 10**15


class Event(NamedTuple):
    """One alarm event."""

    user_id: UserID
    alarm_id: AlarmID
    severity: Severity
    changed_at_ns: int

    def body(self) -> bytes:
        """Return it as an ``AlarmStatusChanged`` body."""
        return (
            f'{{"AlarmID":"{self.alarm_id}","UserID":"{self.user_id}",'
            f'"Status":"{self.severity.name}",'
            f'"ChangedAt":"{format_instant(self.changed_at_ns)}"}}'
        ).encode()


def events(
    random: Random,
    users: int,
    alarms: int,
    count: int,
    start_ns: int = START_NS,
    advance_ns: int = 0,
) -> Iterator[Event]:
    """Yield ``count`` events, one in twenty a repeat, times from ``start_ns`` on in any order.

    The first ``users * alarms`` touch every alarm of every user once. Times span ``SPAN_NS``,
    which with ``advance_ns`` goes forward by so much an event: without end there is news.
    """
    severities = list(Severity)
    every = [(user, alarm) for user in range(users) for alarm in range(alarms)]
    random.shuffle(every)
    last: Event | None = None
    for number in range(count):
        if number >= len(every) and last is not None and random.random() < 0.05:
            yield last
            continue
        user, alarm = every[number % len(every)]
        last = Event(
            UserID(f"user-{user}"),
            AlarmID(f"alarm-{alarm}"),
            random.choice(severities),
            start_ns + number * advance_ns + random.randrange(SPAN_NS),
        )
        yield last


def feed(oracle: Oracle, received: Iterator[Event]) -> Iterator[bytes]:
    """Yield the events' bodies, having the oracle note each."""
    for event in received:
        oracle.receive(*event)
        yield event.body()


def differences(oracle: Oracle, checkpoints: dict[UserID, Checkpoint]) -> list[str]:
    """Return, one line each, where the stored alarms are not what the oracle says."""
    found = []
    for user_id, alarm_id in oracle.events:
        at_ns, severity = oracle.current(user_id, alarm_id)
        checkpoint = checkpoints.get(user_id)
        alarm = None if checkpoint is None else checkpoint.alarms.get(alarm_id)
        if alarm is None or (alarm.changed_at_ns, alarm.severity) != (at_ns, severity):
            found.append(f"{user_id} {alarm_id}: {alarm} instead of {severity} at {at_ns}")
        elif alarm.news != oracle.is_news(user_id, alarm_id):
            found.append(f"{user_id} {alarm_id}: news is {alarm.news}")
    return found


def hear(oracle: Oracle, digests: Iterable[bytes]) -> list[str]:
    """Have the oracle note what digests tell; return, one line each, what was not theirs to tell.

    The oracle may know events that had not arrived when the digest was made: what is no news to
    it then was none without them either.
    """
    wrong = []
    for digest in digests:
        fields = json.loads(digest)
        user_id = UserID(fields["UserID"])
        for item in fields["ActiveAlarms"]:
            alarm_id, severity = AlarmID(item["AlarmID"]), Severity[item["Status"]]
            key = (parse_instant(item["LatestChangedAt"]), severity)
            told = oracle.told.get((user_id, alarm_id))
            if key not in oracle.events[user_id, alarm_id]:
                wrong.append(f"{user_id} {alarm_id}: {key} never happened")
            elif not oracle.is_news(user_id, alarm_id) or (told is not None and key <= told):
                wrong.append(f"{user_id} {alarm_id}: told {key} after {told}")
            oracle.tell(user_id, alarm_id, severity, key[0])
    return wrong


def untold(oracle: Oracle) -> list[str]:
    """Return, one line each, the alarms that are active and news: after a last digest, the lost."""
    return [
        f"{user_id} {alarm_id}"
        for user_id, alarm_id in oracle.events
        if oracle.current(user_id, alarm_id)[1] is not Severity.CLEARED
        and oracle.is_news(user_id, alarm_id)
    ]
