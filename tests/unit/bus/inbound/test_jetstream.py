"""JetStream: what a delivery's acknowledgement address tells."""

from __future__ import annotations

import logging
from random import Random
from typing import TYPE_CHECKING

import orjson
import pytest
from nats.aio.subscription import Subscription

from bus.connection.connection import Connection
from bus.inbound.intake import Intake
from bus.inbound.jetstream import PullConsumer, parse_ack_subject
from bus.settings import BusSettings
from bus.streams.topology import Topology

if TYPE_CHECKING:
    from actors.messages import Deliveries
    from bus.inbound.intake import Message


@pytest.mark.parametrize(
    "reply",
    [
        "$JS.ACK.ALARM_INPUT.alarm-digester.3.71.42.1623098415598765212.9",
        "$JS.ACK.hub.kXzR7q.ALARM_INPUT.alarm-digester.3.71.42.1623098415598765212.9",
        "$JS.ACK.hub.kXzR7q.ALARM_INPUT.alarm-digester.3.71.42.1623098415598765212.9.rAnd",
        "$JS.ACK._.kXzR7q.ALARM_INPUT.alarm-digester.3.71.42.1623098415598765212.9.rAnd",
    ],
)
def test_sequence_time_and_attempt_are_read_from_old_and_new_forms(reply: str) -> None:
    """Newer servers put domain and account behind ACK, and a token at the end."""
    assert parse_ack_subject(reply) == ("71.1623098415598765212", 71, "3")


@pytest.mark.parametrize("names", [("1", "2"), ("9", "9")])
def test_names_made_of_digits_are_not_taken_for_numbers(names: tuple[str, str]) -> None:
    """Streams and consumers may be called by numbers."""
    stream, consumer = names
    old = f"$JS.ACK.{stream}.{consumer}.1.5.4.7.0"
    new = f"$JS.ACK._.8.{stream}.{consumer}.1.5.4.7.0.6"
    assert parse_ack_subject(old) == parse_ack_subject(new) == ("5.7", 5, "1")


@pytest.mark.parametrize("reply", ["", "_INBOX.a.b", "$JS.ACK.s.c.1.2", "$JS.ACK.s.c.1.x.3.4.5"])
def test_another_kind_of_address_is_refused(reply: str) -> None:
    """Only a delivery has those numbers; what is not one must not look like message 0."""
    with pytest.raises((ValueError, IndexError)):
        parse_ack_subject(reply)


def test_what_is_no_delivery_does_not_cost_the_others(caplog: pytest.LogCaptureFixture) -> None:
    """Whoever may publish can write to an inbox; and a stream of others has subjects of others."""
    caplog.set_level(logging.WARNING)
    settings = BusSettings()
    taken: list[Deliveries] = []
    connection = Connection(settings, Random(0), escalate=_fail)
    settled: list[Message] = []
    intake = Intake(
        settings.subjects,
        settings.max_body_bytes,
        taken.append,
        lambda *_: None,
        lambda messages, _: settled.extend(messages),
    )
    topology = Topology("s", "", "c", 30.0)
    consumer = PullConsumer(connection, settings, topology, intake, _fail)
    subject = settings.subjects.alarm_status_changed.encode()
    reply = b"$JS.ACK.s.c.1.%d.1.7.0"
    body = orjson.dumps(
        {"UserID": "u", "AlarmID": "a", "Status": "WARNING", "ChangedAt": "2021-06-07T20:40:15Z"}
    )
    consumer._on_frames(
        [
            (subject, reply % 1, body, b""),
            (subject, b"_INBOX.a.b", body, b""),
            (subject, b"\xff.1.2.3.4.5.6.7.8", body, b""),
            (b"\xff", reply % 2, body, b""),
            (subject, reply % 3, body, b""),
        ]
    )
    assert len(taken[0].items) == 2
    assert [message.sequence for message in settled] == [2]
    assert [record.msg for record in caplog.records] == ["delivery.malformed"] * 2


def _fail(reason: str) -> None:
    raise AssertionError(reason)


def test_no_more_is_asked_for_while_what_is_held_is_too_large(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """However much of the window is left."""
    settings = BusSettings()
    connection = Connection(settings, Random(0), escalate=_fail)
    intake = Intake(
        settings.subjects, settings.max_body_bytes, _ignore, lambda *_: None, lambda *_: None
    )
    topology = Topology("s", "", "c", 30.0)
    consumer = PullConsumer(connection, settings, topology, intake, _fail)
    consumer._pulling = True
    consumer._subscription = Subscription(connection.client, 1, "inbox")
    monkeypatch.setattr("bus.inbound.intake.BODIES_MAX_BYTES", 0)
    consumer._ask_for_more()
    asked_when_full = len(connection._writer._writes)
    monkeypatch.undo()
    consumer._ask_for_more()
    assert (asked_when_full, len(connection._writer._writes)) == (0, 1)


def _ignore(deliveries: Deliveries) -> None:
    del deliveries
