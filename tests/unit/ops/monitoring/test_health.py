"""Verdicts: each thing that can be wrong, and what a probe is told of it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from actors.runtime.simulated import ManualClock
from bus.bus import BusStatus
from ops.monitoring.health import OK, STUCK_AFTER_S, Health, Phase
from ops.monitoring.pulse import ACTORS, STILL_AFTER_S, TIMER, Pulse
from store.tally import StoreTally

WELL = BusStatus(
    connected=True,
    pulling=True,
    in_flight=0,
    dropped=0,
    waiting=0,
    behind_s=0.0,
    last_taken_at_s=None,
)


class StillPulse(Pulse):
    """A pulse that a test sets."""

    def __init__(self) -> None:
        """Beat."""
        super().__init__()
        self.ages: dict[str, float] = {ACTORS: 0.1, TIMER: 0.1}

    def ages_s(self) -> dict[str, float]:
        """Return what the test has set."""
        return self.ages


class Desk:
    """A health that serves and is well."""

    def __init__(self) -> None:
        """Set it up."""
        self.clock, self.pulse, self.store = ManualClock(), StillPulse(), StoreTally()
        self.status, self.settled = WELL, 0
        self.health = Health(
            self.pulse,
            lambda: self.status,
            lambda: self.settled,
            self.store,
            self.clock.monotonic_s,
        )
        self.health.phase = Phase.SERVING

    def wrong(self) -> dict[str, str]:
        """Return what is not well."""
        verdict = self.health.ready()
        wrong = {name: found for name, found in verdict.checks.items() if found != OK}
        assert verdict.good is not bool(wrong)
        return wrong


def test_a_service_that_serves_is_live_and_ready() -> None:
    """With every check named."""
    desk = Desk()
    assert desk.health.live().good
    assert desk.health.ready().checks.keys() == {
        "phase",
        "nats",
        "mongodb",
        "pulling",
        "progress",
        "event loop",
        ACTORS,
        TIMER,
    }
    assert desk.wrong() == {}


@pytest.mark.parametrize("phase", [Phase.STARTING, Phase.STOPPING])
def test_a_service_that_starts_or_stops_is_live_and_not_ready(phase: Phase) -> None:
    """It is not killed for waiting for its servers."""
    desk = Desk()
    desk.health.phase = phase
    desk.status = replace(WELL, pulling=False)
    assert desk.wrong() == {"phase": str(phase)}
    assert desk.health.live().good


def test_a_part_that_stands_still_is_neither_live_nor_ready() -> None:
    """The reason says which, and for how long."""
    desk = Desk()
    desk.pulse.ages[TIMER] = STILL_AFTER_S + 1
    assert desk.health.live().checks[TIMER] == "did not turn for 16 seconds"
    assert not desk.health.live().good
    assert desk.wrong().keys() == {TIMER}


def test_without_nats_it_is_live_and_not_ready() -> None:
    """A restart would not help."""
    desk = Desk()
    desk.status = replace(WELL, connected=False)
    assert desk.wrong() == {"nats": "not connected"}
    assert desk.health.live().good


def test_without_mongodb_it_is_live_and_not_ready() -> None:
    """The reason is the driver's."""
    desk = Desk()
    desk.store.saves.failing = "no primary"
    assert desk.wrong() == {"mongodb": "no primary"}
    assert not desk.health.store_usable()
    assert desk.health.live().good


def test_a_pull_that_is_refused_shows() -> None:
    """Nothing comes in."""
    desk = Desk()
    desk.status = replace(WELL, pulling=False)
    assert desk.wrong() == {"pulling": "no messages are being asked for"}


def test_messages_of_which_none_is_settled_for_a_minute_show() -> None:
    """Whatever the reason; it looks for progress while it waits."""
    desk = Desk()
    desk.status = replace(WELL, in_flight=7)
    desk.clock.elapsed_s += STUCK_AFTER_S
    desk.health.look_for_progress()
    assert desk.wrong() == {}
    desk.clock.elapsed_s += 1
    assert desk.wrong() == {"progress": "none of 7 messages was settled for 61 seconds"}
    desk.settled = 1
    desk.health.look_for_progress()
    assert desk.wrong() == {}


def test_a_quiet_time_is_not_taken_for_being_stuck() -> None:
    """What is taken after it has a minute from then."""
    desk = Desk()
    desk.clock.elapsed_s += 10 * STUCK_AFTER_S
    desk.health.look_for_progress()
    desk.status = replace(WELL, in_flight=1)
    assert desk.wrong() == {}
