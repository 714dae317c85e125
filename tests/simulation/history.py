"""Histories: what happens to a simulated world, drawn from its seed, and the trace of it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from actors.alarms import AlarmID, Severity, UserID
from actors.settings import CoreSettings
from bus.instants import format_instant
from bus.subjects import Subjects

if TYPE_CHECKING:
    from random import Random

    from tests.oracle import Key

SUBJECTS = Subjects()
MAX_BODY_BYTES = 400

USERS = tuple(map(UserID, ("ann", "b.$ob", "__proto__")))
ALARMS = tuple(map(AlarmID, ("disk", "dísk.2", "$fan%", "😀")))

_MOMENT_NS = 1_623_098_415_598_765_212
_OFFSETS_NS = (0, 1, 2, 3, 1_000_000_000, 1_000_000_001)
"""Few instants, close together: ties and single nanoseconds are what goes wrong."""

SPACIOUS_PAYLOAD_BYTES = 1024 * 1024
NARROW_PAYLOAD_BYTES = 720
"""Leaves room for one or two alarms a message."""


class Event(NamedTuple):
    """An ``AlarmStatusChanged`` as the oracle sees it."""

    user_id: UserID
    alarm_id: AlarmID
    key: Key


class Request(NamedTuple):
    """A ``SendAlarmDigest``."""

    user_id: UserID


class Bad(NamedTuple):
    """A message that must end as a dead letter."""

    what: str


Meaning = Event | Request | Bad


class Input(NamedTuple):
    """A message that a producer puts into the stream, and what it means."""

    subject: str
    body: bytes
    meaning: Meaning


@dataclass(slots=True)
class Weather:
    """How likely each fault is, each time it could happen."""

    save_fails: float = 0.0
    save_fails_late: float = 0.0
    """It took effect all the same."""
    load_fails: float = 0.0
    interlude: float = 0.0
    """A slow call of the store: others go on meanwhile."""
    publish_fails: float = 0.0
    publish_ack_lost: float = 0.0
    publish_slow: float = 0.0
    ack_lost: float = 0.0
    crash: float = 0.0
    """At each call of a port; processes die between calls as well."""
    disorder: float = 0.0


class Plan(NamedTuple):
    """All that is drawn before a history begins."""

    settings: CoreSettings
    weather: Weather
    max_payload_bytes: int
    max_processes: int
    crashes: float
    """Relative weight of a killed process among what may happen next."""
    poison: int
    """So many times, at most, handling a message crashes."""
    phases: tuple[tuple[Input, ...], ...]
    """What is put in; everything comes to rest between two phases."""


def draw_plan(random: Random) -> Plan:
    """Draw a history's circumstances and its traffic."""
    settings = CoreSettings(
        checkpoint_group_max=random.choice((1, 2, 1000)),
        max_live_users=random.choice((1, 2, 100)),
        idle_timeout_s=random.choice((0.3, 5.0, 600.0)),
        cleared_retention_s=random.choice((0, 100_000)),
        skip_empty_digests=random.random() < 0.3,
    )
    return Plan(
        settings=settings,
        weather=_draw_weather(random),
        max_payload_bytes=random.choice((SPACIOUS_PAYLOAD_BYTES, NARROW_PAYLOAD_BYTES)),
        max_processes=random.choice((1, 1, 2, 2, 3)),
        crashes=random.choice((0.0, 1.0, 4.0)),
        poison=random.choice((0, 0, 0, 2)),
        phases=tuple(_draw_inputs(random) for _ in range(random.choice((1, 1, 2)))),
    )


def _draw_weather(random: Random) -> Weather:
    fair = random.random() < 0.1

    def chance(*likelihoods: float) -> float:
        return 0.0 if fair else random.choice(likelihoods)

    return Weather(
        save_fails=chance(0.0, 0.1, 0.4),
        save_fails_late=chance(0.0, 0.1, 0.4),
        load_fails=chance(0.0, 0.1, 0.4),
        interlude=chance(0.0, 0.3, 0.6),
        publish_fails=chance(0.0, 0.1, 0.4),
        publish_ack_lost=chance(0.0, 0.1, 0.4),
        publish_slow=chance(0.0, 0.5),
        ack_lost=chance(0.0, 0.1, 0.5),
        crash=chance(0.0, 0.0, 0.02),
        disorder=chance(0.0, 0.3),
    )


def _draw_inputs(random: Random) -> tuple[Input, ...]:
    users = USERS[: random.randint(1, len(USERS))]
    alarms = ALARMS[: random.randint(1, len(ALARMS))]
    inputs: list[Input] = []
    for _ in range(random.randint(3, 24)):
        kind = random.random()
        user_id = random.choice(users)
        if inputs and kind < 0.1:
            inputs.append(random.choice(inputs))
        elif kind < 0.3:
            inputs.append(request(user_id))
        elif kind < 0.36:
            inputs.append(_draw_bad(random, user_id))
        else:
            key = (_MOMENT_NS + random.choice(_OFFSETS_NS), random.choice(tuple(Severity)))
            inputs.append(_event(random, Event(user_id, random.choice(alarms), key)))
    return tuple(inputs)


def request(user_id: UserID) -> Input:
    """Return a ``SendAlarmDigest`` of a user."""
    body = json.dumps({"UserID": user_id}).encode()
    return Input(SUBJECTS.send_alarm_digest, body, Request(user_id))


def _event(random: Random, event: Event) -> Input:
    names = random.choice((("AlarmID", "UserID"), ("alarmId", "userId")))
    at_ns, severity = event.key
    fields = {
        names[0]: event.alarm_id,
        names[1]: event.user_id,
        "Status": severity.name,
        "ChangedAt": format_instant(at_ns),
    }
    return Input(SUBJECTS.alarm_status_changed, json.dumps(fields).encode(), event)


def _draw_bad(random: Random, user_id: UserID) -> Input:
    fields: dict[str, object] = {
        "AlarmID": ALARMS[0],
        "UserID": user_id,
        "Status": "CRITICAL",
        "ChangedAt": format_instant(_MOMENT_NS + 5_000_000_000),
    }
    missing = random.choice(("AlarmID", "UserID", "Status", "ChangedAt", ""))
    if missing:
        del fields[missing]
        body = json.dumps(fields).encode()
        return Input(SUBJECTS.alarm_status_changed, body, Bad(f"without {missing}"))
    what, subject, body = random.choice(
        (
            ("not JSON", SUBJECTS.alarm_status_changed, b"\xff\x00{"),
            ("an empty user", SUBJECTS.send_alarm_digest, b'{"UserID":""}'),
            ("no user", SUBJECTS.send_alarm_digest, b"{}"),
            ("too large", SUBJECTS.send_alarm_digest, b" " * (MAX_BODY_BYTES + 1)),
        )
    )
    return Input(subject, body, Bad(what))


@dataclass(slots=True)
class Trace:
    """What happened, in order; formatted only when somebody wants to read it."""

    entries: list[tuple[object, ...]] = field(default_factory=list)

    def note(self, elapsed_s: float, who: object, what: str, *details: object) -> None:
        """Add an entry."""
        self.entries.append((elapsed_s, who, what, *details))

    def lines(self) -> list[str]:
        """Return the entries as lines of text."""
        return [
            f"{elapsed_s:10.2f} {who!s:>6} {what}" + "".join(f" {detail}" for detail in details)
            for elapsed_s, who, what, *details in self.entries
        ]


def describe(meaning: Meaning) -> str:
    """Return a message in few words."""
    match meaning:
        case Event(user_id, alarm_id, (at_ns, severity)):
            return f"{user_id}/{alarm_id} {severity.name} at +{at_ns - _MOMENT_NS} ns"
        case Request(user_id):
            return f"digest for {user_id}"
        case Bad(what):
            return f"a bad body: {what}"
