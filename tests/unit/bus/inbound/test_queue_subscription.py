"""The queue subscription alone: what it hands to the intake."""

from __future__ import annotations

import asyncio
from random import Random
from typing import TYPE_CHECKING

from nats.aio.client import Client

from actors.messages.inputs import SendDigest
from bus.connection.connection import Connection
from bus.inbound.intake import Intake
from bus.inbound.queue_subscription import NumberedMsg, QueueConsumer
from bus.settings import BusSettings
from bus.subjects import Subjects
from tests.unit.bus.letters import RecordingLetters

if TYPE_CHECKING:
    import pytest

    from actors.messages.router import RouteDeliveries
    from actors.rules.positions import Place

SUBJECTS = Subjects()


async def _request_places(consumers: int) -> list[Place | None]:
    """Return the places of the same request taken twice by each of so many consumers."""
    taken: list[RouteDeliveries] = []
    settings = BusSettings()
    connection = Connection(settings, Random(0), print)
    for _ in range(consumers):
        intake = Intake(
            SUBJECTS,
            1000,
            settings.max_in_flight,
            taken.append,
            RecordingLetters(),
            lambda *_: None,
        )
        consumer = QueueConsumer(connection, settings, intake)
        for _ in range(2):
            message = NumberedMsg(Client(), SUBJECTS.send_alarm_digest, "", b'{"UserID":"u"}')
            await consumer._on_message(message)
        await asyncio.sleep(0)
    bodies = [item.body for deliveries in taken for item in deliveries.items]
    return [body.place for body in bodies if isinstance(body, SendDigest)]


async def test_every_request_has_a_place_of_its_own() -> None:
    """By which it is recognised when it is applied again to a reloaded user.

    Without, a save whose answer was lost made a second digest of one request.
    """
    places = await _request_places(consumers=2)
    assert None not in places
    assert len(set(places)) == len(places) == 4


def test_no_more_is_taken_while_what_is_held_is_too_large(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """However much of the window is left."""
    settings = BusSettings()
    intake = Intake(
        SUBJECTS, 1000, settings.max_in_flight, lambda _: None, RecordingLetters(), lambda *_: None
    )
    consumer = QueueConsumer(Connection(settings, Random(0), print), settings, intake)
    had_room = consumer._has_room()
    monkeypatch.setattr("bus.inbound.intake.BODIES_MAX_BYTES", 0)
    assert (had_room, consumer._has_room()) == (True, False)


async def test_what_comes_while_it_is_paused_is_taken_afterwards() -> None:
    """Until it is known whose it is; nothing is lost if it is ours."""
    taken: list[RouteDeliveries] = []
    connection = Connection(BusSettings(), Random(0), print)
    intake = Intake(SUBJECTS, 1000, 100, taken.append, RecordingLetters(), lambda *_: None)
    consumer = QueueConsumer(connection, BusSettings(), intake)
    consumer.pause()
    assert not consumer.pulling
    message = NumberedMsg(Client(), SUBJECTS.send_alarm_digest, "", b'{"UserID":"u"}')
    handling = asyncio.create_task(consumer._on_message(message))
    await asyncio.sleep(0)
    assert not handling.done()
    consumer.resume()
    await handling
    await asyncio.sleep(0)
    assert len(taken) == 1
