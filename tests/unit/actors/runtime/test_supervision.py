"""Supervision: a service actor that crashes ends the process."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

from actors.runtime.simulated import ManualClock, SimulatedDispatcher
from actors.runtime.supervision import ServiceActor
from tests.doubles import IdleDispatcher, logged

if TYPE_CHECKING:
    import pytest


class Clerk(ServiceActor):
    """Crashes at whatever it is told."""

    def on_receive(self, message: object) -> None:
        """Crash."""
        raise LookupError(message)


def test_a_service_actor_that_crashes_escalates(caplog: pytest.LogCaptureFixture) -> None:
    """Once, with its name and the error; it handles nothing after that."""
    escalated: list[str] = []
    dispatcher = SimulatedDispatcher(Random(0), ManualClock())
    clerk = Clerk.start(dispatcher, escalated.append)
    clerk.tell("a form")
    clerk.tell("another")
    dispatcher.run_until_idle()
    assert escalated == ["Clerk crashed: LookupError('a form')"]
    assert not clerk.is_alive()
    assert logged(caplog.records, "actors.supervision") == [("CRITICAL", "actor.crashed")]


def test_what_is_escalated_names_actor_and_error() -> None:
    """The hook called directly, on an unstarted actor."""
    escalated: list[str] = []
    clerk = Clerk(IdleDispatcher(), escalated.append)
    error = LookupError("a form")
    clerk.on_failure(LookupError, error, None)
    assert escalated == ["Clerk crashed: LookupError('a form')"]
