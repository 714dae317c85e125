"""The crowd behind ``demo``: valid events, the same from the same seed, some late, some twice."""

from __future__ import annotations

import itertools
from collections import Counter
from random import Random

from bus.wire.codec import decode_alarm_status_changed
from ops.cli.commands.crowd import Crowd

_SECOND_NS = 10**9
_COUNT = 2000


def bodies(seed: int) -> list[bytes]:
    """Return the bodies that a crowd of thirty sends, one a second."""
    crowd = Crowd(30, Random(seed))
    return [crowd.next_event(second * _SECOND_NS) for second in range(_COUNT)]


def test_every_event_is_one_that_the_service_takes() -> None:
    """Of the users that were made up, and of no other."""
    users = set(Crowd(30, Random(1)).users)
    events = [decode_alarm_status_changed(body, 65536) for body in bodies(1)]
    assert {event.user_id for event in events} == users
    assert all(user.startswith("demo-") for user in users)


def test_the_same_seed_makes_the_same_events() -> None:
    """And another one others."""
    assert bodies(1) == bodies(1)
    assert bodies(1) != bodies(2)


def test_some_events_come_late_and_some_twice_and_none_is_lost() -> None:
    """As a broker may deliver; most come in order."""
    sent = bodies(1)
    at = [decode_alarm_status_changed(body, 65536).changed_at_ns for body in sent]
    late = sum(earlier > later for earlier, later in itertools.pairwise(at))
    twice = sum(count > 1 for count in Counter(sent).values())
    assert _COUNT * 0.02 < late < _COUNT * 0.10
    assert _COUNT * 0.01 < twice < _COUNT * 0.06
