"""What the actors count, and that they count it once."""

from __future__ import annotations

import pytest

from actors.messages.inputs import Delivery, SendDigest
from actors.messages.router import ResumeUser, Tick
from actors.ports import DeliveryToken
from actors.rules.alarms import UserID
from actors.rules.positions import Place
from actors.tally import Histogram
from tests.unit.actors.router_desk import RouterDesk
from tests.unit.actors.user_desk import CRITICAL, USER, A, B, UserDesk

U1, U2 = UserID("u1"), UserID("u2")


@pytest.mark.parametrize(
    ("value", "bucket"), [(0.0, 0), (1.0, 0), (1.5, 1), (2.0, 1), (2.1, 2), (99.0, 2)]
)
def test_a_value_is_counted_in_the_lowest_bucket_that_holds_it(value: float, bucket: int) -> None:
    """Prometheus' buckets include their bound."""
    histogram = Histogram((1.0, 2.0))
    histogram.observe(value)
    assert histogram.counts == [int(bucket == number) for number in range(3)]


def test_a_histogram_knows_sum_and_number_of_its_values() -> None:
    """The mean comes from these."""
    histogram = Histogram((1.0,))
    for value in (0.25, 0.5, 3.0):
        histogram.observe(value)
    assert (histogram.count(), histogram.total) == (3, 3.75)


def test_events_are_counted_by_whether_they_changed_their_alarm() -> None:
    """A repeat and a stale event change nothing; a request is no event."""
    desk = UserDesk()
    desk.recover()
    desk.deliver(desk.event(at_ns=5), desk.event(B, at_ns=7), desk.request())
    desk.deliver(desk.event(at_ns=5), desk.event(at_ns=4), desk.event(severity=CRITICAL, at_ns=6))
    assert desk.tally.events_changed == 3
    assert desk.tally.events_unchanged == 2


def test_events_are_not_counted_while_they_wait_for_the_checkpoint() -> None:
    """They are counted as they are applied."""
    desk = UserDesk()
    desk.deliver(desk.event())
    assert desk.tally.events_changed == 0
    desk.recover()
    assert desk.tally.events_changed == 1


def test_digests_are_counted_by_whether_they_tell_something() -> None:
    """And a request that comes again is none."""
    desk = UserDesk()
    desk.recover()
    desk.deliver(desk.event(A), desk.request(1))
    desk.saved()
    desk.published()
    desk.deliver(desk.request(2), desk.request(1))
    desk.saved()
    desk.published()
    tally = desk.tally
    assert (tally.digests_made, tally.digests_empty, tally.requests_repeated) == (1, 1, 1)


def test_the_latency_of_a_digest_is_from_the_requests_arrival_to_the_publication() -> None:
    """Saves and retries in between are in it."""
    desk = UserDesk()
    desk.recover()
    taken_at_s = desk.clock.monotonic_s()
    desk.clock.elapsed_s += 0.03
    body = SendDigest(USER, Place(1, 1), taken_at_s)
    desk.deliver(Delivery(DeliveryToken(1), body))
    desk.saved()
    assert desk.tally.digest_latency_s.count() == 0
    desk.clock.elapsed_s += 0.04
    desk.published()
    assert desk.tally.digest_latency_s.count() == 1
    assert desk.tally.digest_latency_s.total == pytest.approx(0.07)


def test_users_are_counted_as_they_come_and_go() -> None:
    """Both that live and those that are about to leave are in memory."""
    desk = RouterDesk(max_live_users=1)
    desk.send(U1)
    desk.send(U2)
    desk.tell(Tick())
    tally = desk.tally
    assert (tally.activations, tally.passivations, tally.live_users) == (2, 0, 2)


def test_crashes_and_retries_are_counted() -> None:
    """The last attempt is followed by no retry."""
    desk = RouterDesk(max_attempts=2)
    [event] = desk.send(U1)
    desk.fail(U1, event, event)
    tally = desk.tally
    assert (tally.crashes, tally.message_retries, tally.passivations) == (1, 1, 1)
    desk.tell(ResumeUser(U1))
    desk.fail(U1, event._replace(attempt=2), event._replace(attempt=2))
    assert (tally.crashes, tally.message_retries) == (2, 1)
