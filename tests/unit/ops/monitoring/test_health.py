"""Verdicts: each thing that can be wrong, and what a probe is told of it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from actors.runtime.simulated import ManualClock
from actors.tally import HomeTally
from bus.status import BusStatus
from ops.monitoring.health import STUCK_AFTER_S, Health, Phase, is_well
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
        self.home, self.on_log = HomeTally(partitions=21, may_publish_until_s=1e9), True
        self.health = Health(
            self.pulse,
            lambda: self.status,
            lambda: self.settled,
            self.store,
            self.home,
            lambda: self.on_log,
            self.clock.monotonic_s,
            self.clock.monotonic_s,
        )
        self.health.phase = Phase.SERVING

    def wrong(self) -> dict[str, str]:
        """Return what is not well."""
        verdict = self.health.ready()
        wrong = {name: found for name, found in verdict.checks.items() if not is_well(found)}
        assert verdict.good is not bool(wrong)
        return wrong


def test_servers_that_answer_are_told_by_name_and_time() -> None:
    """Which of a cluster's it is, and how far away: "ok" would say neither."""
    desk = Desk()
    desk.status = replace(WELL, server="n1", answered_in_s=0.0021)
    desk.store.answered_in_s = 0.004
    checks = desk.health.ready().checks
    assert checks["nats"] == "ok, connected to n1, 2.1 ms"
    assert checks["mongodb"] == "ok, answers, 4.0 ms"
    desk.status = replace(WELL, server="n1")
    assert desk.health.ready().checks["nats"] == "ok, connected to n1"


def test_a_service_that_serves_is_live_and_ready() -> None:
    """With every check named."""
    desk = Desk()
    assert desk.health.live().good
    assert desk.health.ready().checks.keys() == {
        "phase",
        "nats",
        "mongodb",
        "dead letters",
        "reading",
        "beats",
        "partitions",
        "digests",
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


def test_while_dead_letters_are_not_taken_it_is_live_and_not_ready() -> None:
    """With the reason, and how many wait; those that are on their way are nobody's trouble."""
    desk = Desk()
    desk.status = replace(WELL, rejecting=7)
    assert desk.wrong() == {}
    desk.status = replace(WELL, rejecting=7, refused="503: maximum messages exceeded")
    assert desk.health.live().good
    assert desk.wrong() == {
        "dead letters": "7 rejected messages wait, their stream takes none: "
        "503: maximum messages exceeded"
    }


def test_without_nats_it_is_live_and_not_ready() -> None:
    """A restart would not help."""
    desk = Desk()
    desk.status = replace(WELL, connected=False)
    assert desk.wrong() == {"nats": "not connected"}
    assert desk.health.live().good


def test_why_it_waits_or_reads_nothing_shows() -> None:
    """An operator who sees readiness only must not have to look for the log."""
    desk = Desk()
    desk.status = replace(WELL, connected=False, trouble="n1:4222: no such name")
    assert desk.wrong() == {"nats": "not connected: n1:4222: no such name"}
    desk.status = replace(WELL, pulling=False, trouble="no consumer: too many")
    assert desk.wrong() == {"reading": "no messages are read: no consumer: too many"}
    desk.status = replace(WELL, digests_refused="400: sealed")
    assert desk.wrong() == {"digests": "they are refused: 400: sealed"}
    desk.health.phase, desk.health.store_trouble = Phase.STARTING, "m1:27017: no such name"
    desk.status = replace(WELL, pulling=False, trouble="JetStream is not ready: no room")
    assert desk.wrong() == {
        "phase": "starting",
        "mongodb": "m1:27017: no such name",
        "delivery": "JetStream is not ready: no room",
    }


def test_without_mongodb_it_is_live_and_not_ready() -> None:
    """The reason is the driver's."""
    desk = Desk()
    desk.store.saves.failing = "no primary"
    assert desk.wrong() == {"mongodb": "no primary"}
    assert not desk.health.store_usable()
    assert desk.health.live().good


def test_a_log_that_cannot_be_read_shows() -> None:
    """Nothing comes in."""
    desk = Desk()
    desk.status = replace(WELL, pulling=False)
    assert desk.wrong() == {"reading": "no messages are read"}


def test_it_says_how_much_is_at_home_here() -> None:
    """A verdict may say more than that all is well."""
    desk = Desk()
    assert desk.health.ready().checks["partitions"] == "ok, 21 of 64 at home here"
    assert desk.health.ready().good


def test_an_instance_that_stands_by_is_ready_and_says_so() -> None:
    """It is as good as the others, and there is nothing for it to do."""
    desk = Desk()
    desk.home.partitions, desk.home.standing_by, desk.home.instances = 0, True, 70
    assert desk.wrong() == {}
    found = desk.health.ready().checks["partitions"]
    assert found == "ok, stands by: 70 instances are up for 64 partitions"


def test_an_instance_that_a_newer_version_has_left_behind_says_so() -> None:
    """It is not one too many: more partitions would not help."""
    desk = Desk()
    desk.home.partitions, desk.home.standing_by, desk.home.outdated = 0, True, True
    found = desk.health.ready().checks["partitions"]
    assert found == "ok, stands by: a newer version has written what this one cannot read"


def test_a_newcomer_is_ready_once_something_is_at_home_with_it() -> None:
    """So a rolling restart waits for the hand-over before it stops the next one."""
    desk = Desk()
    desk.home.partitions = 0
    assert desk.wrong() == {"partitions": "none is at home here yet"}


def test_an_instance_whose_signs_of_life_are_not_confirmed_is_not_ready() -> None:
    """It holds digests back: others may have its partitions."""
    desk = Desk()
    desk.home.may_publish_until_s = float("-inf")
    assert desk.wrong() == {
        "beats": "no sign of life of this instance was confirmed by MongoDB yet"
    }
    desk.home.may_publish_until_s = desk.clock.monotonic_s()
    assert desk.wrong() == {}
    desk.clock.elapsed_s += 2.5
    assert desk.wrong()["beats"].startswith("digests are held back since 2.5 seconds: MongoDB")
    assert desk.health.live().good


def test_on_core_nats_nobody_has_partitions() -> None:
    """Nor beats."""
    desk = Desk()
    desk.on_log, desk.home.partitions = False, 0
    desk.home.may_publish_until_s = float("-inf")
    assert desk.wrong() == {}
    assert not {"beats", "partitions"} & desk.health.ready().checks.keys()


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
