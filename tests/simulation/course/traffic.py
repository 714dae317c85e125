"""What producers put into a simulated stream, and what it means."""

from __future__ import annotations

import json
from binascii import crc32
from typing import TYPE_CHECKING, NamedTuple

from actors.rules.alarms import AlarmID, Severity, UserID
from bus.subjects import Subjects
from bus.wire.instants import format_instant
from tests.simulation.trace import Happening

if TYPE_CHECKING:
    from random import Random

    from tests.oracle import Key

SUBJECTS = Subjects()
MAX_BODY_BYTES = 400

USERS = tuple(map(UserID, ("ann", "b.$ob", "__proto__", "dörte", "e", "f f", "%g", "😀")))
ALARMS = tuple(map(AlarmID, ("disk", "dísk.2", "$fan%", "😀")))

_MOMENT_NS = 1_623_098_415_598_765_212
_OFFSETS_NS = (0, 1, 2, 3, 1_000_000_000, 1_000_000_001)
"""Few instants, close together: ties and single nanoseconds are what goes wrong."""


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
    user_id: UserID | None = None
    """Whose it is; nobody's where it does not say so by the contract."""


class Foreign(NamedTuple):
    """A message on another subject, which a stream that others set up may capture."""

    subject: str


Meaning = Event | Request | Bad | Foreign


class Input(NamedTuple):
    """A message that a producer puts into the stream, and what it means."""

    subject: str
    body: bytes
    meaning: Meaning


def draw_inputs(random: Random, users: tuple[UserID, ...], *, foreign: bool) -> tuple[Input, ...]:
    """Draw a phase's traffic; ``foreign`` is what nobody subscribes to, and a stream may have."""
    alarms = ALARMS[: random.randint(1, len(ALARMS))]
    asking = random.choice((0.2, 0.2, 0.4))
    inputs: list[Input] = []
    for _ in range(random.randint(3, 32)):
        kind = random.random()
        user_id = random.choice(users)
        if inputs and kind < 0.1:
            message = random.choice(inputs)
        elif kind < 0.1 + asking:
            message = request(user_id)
        elif kind < 0.16 + asking:
            message = _draw_bad(random, user_id)
        elif kind < 0.17 + asking and foreign:
            message = Input("SomethingElse", b"{}", Foreign("SomethingElse"))
        else:
            message = _draw_event(random, user_id, random.choice(alarms))
        inputs.append(message)
    return tuple(inputs)


def request(user_id: UserID) -> Input:
    """Return a ``SendAlarmDigest`` of a user."""
    body = json.dumps({"UserID": user_id}).encode()
    return Input(SUBJECTS.send_alarm_digest, body, Request(user_id))


def _draw_event(random: Random, user_id: UserID, alarm_id: AlarmID) -> Input:
    at_ns, severity = _MOMENT_NS + random.choice(_OFFSETS_NS), random.choice(tuple(Severity))
    names = random.choice((("AlarmID", "UserID"), ("alarmId", "userId")))
    fields = {
        names[0]: alarm_id,
        names[1]: user_id,
        "Status": severity.name,
        "ChangedAt": format_instant(at_ns),
    }
    event = Event(user_id, alarm_id, (at_ns, severity))
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
            ("blank and too large", SUBJECTS.send_alarm_digest, b" " * (MAX_BODY_BYTES + 1)),
            ("too large", SUBJECTS.send_alarm_digest, _too_large(user_id)),
        )
    )
    return Input(subject, body, Bad(what, user_id if what == "too large" else None))


def _too_large(user_id: UserID) -> bytes:
    """Return a request that would be one if it were shorter, and is its user's all the same."""
    return json.dumps({"UserID": user_id, "Padding": " " * MAX_BODY_BYTES}).encode()


def partition_by_contract(meaning: Meaning, partitions: int) -> int:
    """Return whose a message is, as the contract says it, from scratch."""
    user_id = None if isinstance(meaning, Foreign) else meaning.user_id
    return 0 if user_id is None else crc32(user_id.encode()) % partitions


def describe(meaning: Meaning) -> str:
    """Return a message in few words."""
    match meaning:
        case Event(user_id, alarm_id, (at_ns, severity)):
            return f"{user_id}/{alarm_id} {severity.name} at +{at_ns - _MOMENT_NS} ns"
        case Request(user_id):
            return f"digest for {user_id}"
        case Bad(what, user_id):
            return f"a bad body: {what}" + (f", of {user_id}" if user_id else "")
        case Foreign(subject):
            return subject


def kind_of(meaning: Meaning) -> Happening:
    """Return what happens when such a message is put in."""
    match meaning:
        case Event():
            return Happening.EVENT
        case Request():
            return Happening.REQUEST
        case Bad():
            return Happening.BAD
        case Foreign():
            return Happening.FOREIGN
