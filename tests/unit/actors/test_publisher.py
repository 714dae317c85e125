"""The publisher: an owed digest is tried again under its own id until the stream has it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from actors.errors import PublishFailedError
from actors.messages.publisher import AdmitPartitions, ForgetPartitions, MayPublish, PublishOutbox
from actors.messages.user import OutboxPublished
from actors.publisher import PublisherActor
from actors.rules.digest import DigestID
from actors.rules.partitions import PARTITIONS, partition_of
from actors.settings import CoreSettings
from actors.tally import CoreTally
from tests.unit.actors.router_desk import NoJitter
from tests.unit.actors.service_doubles import SILENCE_S, Press, Stage, digest, fields

if TYPE_CHECKING:
    import pytest

    from actors.rules.digest import Digest

DOWN = PublishFailedError("the stream is full")
PUBLISHED = OutboxPublished(DigestID("d1"))


class Desk:
    """A started publisher, its press, and who asks it."""

    def __init__(self, *, guarded: bool = False) -> None:
        """Start it; ``guarded``, as it is where partitions have homes."""
        self.stage = Stage()
        self.press = Press(self.stage.clock)
        self.tally = CoreTally()
        self.publisher = PublisherActor.start(
            self.stage.dispatcher,
            self.stage.escalated.append,
            CoreSettings(retry_wait_initial_s=1.0, retry_wait_max_s=4.0),
            self.press,
            self.stage.dispatcher,
            self.stage.clock,
            NoJitter(),
            self.tally,
            guarded=guarded,
        )
        self.asker = self.stage.probe()
        self.stage.tell(self.publisher, AdmitPartitions(frozenset(range(PARTITIONS))))

    def ask(self, *digest_ids: str) -> None:
        """Ask for an outbox to be published; by default one with the digest d1."""
        self.publish(tuple(digest(digest_id) for digest_id in digest_ids or ("d1",)))

    def publish(self, digests: tuple[Digest, ...]) -> None:
        """Ask for an outbox to be published."""
        self.stage.tell(self.publisher, PublishOutbox(digests, self.asker.actor_ref))

    def end(self, error: PublishFailedError | None = None) -> None:
        """End the attempt that is under way."""
        self.press.end(error)
        self.stage.settle()


def test_a_published_digest_is_answered_once() -> None:
    """The asker hears of it when the stream has it, not before."""
    desk = Desk()
    desk.ask()
    assert desk.press.attempts == [(0.0, (digest("d1"),))]
    assert desk.asker.received == []
    desk.end()
    desk.stage.dispatcher.advance(SILENCE_S)
    assert desk.asker.received == [PUBLISHED]
    assert len(desk.press.attempts) == 1


def test_a_failed_attempt_is_repeated_with_the_same_digest_until_it_is_settled() -> None:
    """The waits double up to the maximum; the asker hears of the success only."""
    desk = Desk()
    desk.ask()
    for _ in range(4):
        desk.end(DOWN)
        desk.stage.dispatcher.advance(4.0)
    assert desk.asker.received == []
    desk.end()
    desk.stage.dispatcher.advance(SILENCE_S)
    assert [attempt for _, attempt in desk.press.attempts] == [(digest("d1"),)] * 5
    # An attempt ended every 4 seconds; each next one came 1, 2, 4 and again 4 seconds later.
    assert [at_s for at_s, _ in desk.press.attempts] == [0.0, 1.0, 6.0, 12.0, 16.0]
    assert desk.asker.received == [PUBLISHED]


def test_a_new_asker_takes_the_answer_over_and_nothing_is_published_twice() -> None:
    """The user was reloaded while its digest was on the way."""
    desk = Desk()
    desk.ask()
    first, desk.asker = desk.asker, desk.stage.probe()
    desk.ask()
    assert len(desk.press.attempts) == 1
    desk.end()
    assert (first.received, desk.asker.received) == ([], [PUBLISHED])


def test_a_new_asker_during_a_backoff_does_not_hasten_the_next_attempt() -> None:
    """There is one attempt at a time, and one timer."""
    desk = Desk()
    desk.ask()
    desk.end(DOWN)
    first, desk.asker = desk.asker, desk.stage.probe()
    desk.ask()
    assert len(desk.press.attempts) == 1
    desk.stage.dispatcher.advance(SILENCE_S)
    assert [at_s for at_s, _ in desk.press.attempts] == [0.0, 1.0]
    desk.end()
    assert (first.received, desk.asker.received) == ([], [PUBLISHED])


def test_a_digest_asked_for_after_it_was_settled_is_published_again() -> None:
    """The stream knows its id; a user that was restored owes it until the answer."""
    desk = Desk()
    desk.ask()
    desk.end()
    desk.ask()
    assert [attempt for _, attempt in desk.press.attempts] == [(digest("d1"),)] * 2
    desk.end()
    assert desk.asker.received == [PUBLISHED, PUBLISHED]


def test_digests_do_not_wait_for_one_another() -> None:
    """One that fails holds none up; each is answered under its own id."""
    desk = Desk()
    desk.ask("d1")
    desk.ask("d2")
    desk.end(DOWN)
    desk.end()
    assert desk.asker.received == [OutboxPublished(DigestID("d2"))]
    desk.stage.dispatcher.advance(1.0)
    assert [attempt[0].digest_id for _, attempt in desk.press.attempts] == ["d1", "d2", "d1"]
    desk.end()
    assert desk.asker.received == [OutboxPublished(DigestID("d2")), PUBLISHED]


def test_an_outbox_with_one_digest_that_tells_something_is_published_at_once() -> None:
    """With the empty ones around it; after a failure again: the stream drops what it has."""
    desk = Desk()
    digests = (digest("d1", empty=True), digest("d2"), digest("d3", empty=True))
    desk.publish(digests)
    desk.end(DOWN)
    desk.stage.dispatcher.advance(1.0)
    desk.end()
    assert [attempt for _, attempt in desk.press.attempts] == [digests] * 2
    assert desk.asker.received == [PUBLISHED]
    assert desk.tally.digests_published == 3


def test_a_digest_waits_until_the_stream_has_what_the_user_is_to_be_told_before() -> None:
    """Else an older state of an alarm could be told behind a newer one."""
    desk = Desk()
    last = (digest("d2"), digest("d3", empty=True))
    desk.publish((digest("d1"), *last))
    desk.end(DOWN)
    desk.stage.dispatcher.advance(1.0)
    assert desk.asker.received == []
    desk.end()
    desk.end(DOWN)
    desk.stage.dispatcher.advance(1.0)
    desk.end()
    attempts = [attempt for _, attempt in desk.press.attempts]
    assert attempts == [(digest("d1"),), (digest("d1"),), last, last]
    assert desk.asker.received == [PUBLISHED]
    assert desk.tally.digests_published == 3


def test_the_end_of_an_attempt_that_was_forgotten_counts_for_no_later_one() -> None:
    """The partition came back meanwhile; what its new attempt leads to is not known yet."""
    desk = Desk()
    outbox = (digest("d1"), digest("d2"))
    forget = ForgetPartitions(frozenset({partition_of(digest("d1").user_id)}))
    desk.publish(outbox)
    desk.stage.tell(desk.publisher, forget)
    desk.publish(outbox)
    desk.end()
    assert [attempt for _, attempt in desk.press.attempts] == [(digest("d1"),)] * 2
    desk.end()
    desk.end()
    assert desk.asker.received == [PUBLISHED]


def test_the_timer_of_an_attempt_that_was_forgotten_begins_none() -> None:
    """There is one attempt at a time."""
    desk = Desk()
    desk.ask()
    desk.end(DOWN)
    desk.stage.tell(desk.publisher, ForgetPartitions(frozenset(range(64))))
    desk.ask()
    desk.stage.dispatcher.advance(SILENCE_S)
    assert len(desk.press.attempts) == 2


def test_what_may_not_be_published_yet_is_held_back_until_it_may() -> None:
    """Before a home is sure of its partitions, and when it was not heard of for too long."""
    desk = Desk(guarded=True)
    desk.ask("d1")
    assert desk.press.attempts == []
    desk.stage.tell(desk.publisher, MayPublish(0.5))
    assert len(desk.press.attempts) == 1
    desk.end(DOWN)
    desk.stage.dispatcher.advance(5.0)
    assert len(desk.press.attempts) == 1
    desk.ask("d2")
    desk.stage.tell(desk.publisher, MayPublish(9.0))
    assert [attempt[0].digest_id for _, attempt in desk.press.attempts] == ["d1", "d1", "d2"]


def test_what_is_asked_for_after_its_partition_went_elsewhere_is_not_published() -> None:
    """A user that was being loaded hears only later that it has to leave."""
    desk = Desk(guarded=True)
    number = frozenset({partition_of(digest("d1").user_id)})
    desk.stage.tell(desk.publisher, MayPublish(1e9))
    desk.stage.tell(desk.publisher, ForgetPartitions(number))
    desk.ask("d1")
    assert desk.press.attempts == []
    desk.stage.tell(desk.publisher, AdmitPartitions(number))
    desk.ask("d1")
    assert len(desk.press.attempts) == 1


def test_what_is_owed_to_users_of_a_partition_that_went_elsewhere_is_forgotten() -> None:
    """Held back, under way or to be tried again; those of other partitions stay."""
    desk = Desk(guarded=True)
    number = partition_of(digest("d1").user_id)
    desk.ask("d1")
    desk.stage.tell(desk.publisher, ForgetPartitions(frozenset({number + 1})))
    desk.stage.tell(desk.publisher, MayPublish(1e9))
    assert len(desk.press.attempts) == 1
    desk.ask("d2")
    desk.stage.tell(desk.publisher, ForgetPartitions(frozenset({number})))
    desk.end(DOWN)
    desk.end()
    desk.stage.dispatcher.advance(SILENCE_S)
    assert len(desk.press.attempts) == 2
    assert desk.asker.received == []
    assert desk.stage.escalated == []


def test_an_asker_that_has_stopped_is_passed_over() -> None:
    """Its outbox is cleared when the user is next loaded; the publisher goes on."""
    desk = Desk()
    desk.ask()
    desk.asker.stop()
    desk.stage.settle()
    desk.end()
    desk.asker = desk.stage.probe()
    desk.ask("d2")
    desk.end()
    assert desk.stage.escalated == []
    assert desk.asker.received == [OutboxPublished(DigestID("d2"))]


def test_an_attempt_that_ends_after_the_publisher_has_stopped_harms_nobody() -> None:
    """The bus may settle late, on its own thread."""
    desk = Desk()
    desk.ask()
    desk.publisher.stop(block=False)
    desk.stage.settle()
    desk.end()
    assert desk.asker.received == []


def test_a_publication_is_logged_as_info_and_a_retry_as_a_warning(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """An operator sees whom it concerns, why, and how long the next attempt will be."""
    caplog.set_level(logging.INFO)
    desk = Desk()
    desk.ask()
    desk.end(DOWN)
    [retried] = fields(caplog, "publish.retried")
    assert (retried["levelno"], retried["name"]) == (logging.WARNING, "actors.publisher")
    assert (retried["user"], retried["attempt"]) == ("u1", 1)
    assert (retried["wait_s"], retried["error"]) == (1.0, "the stream is full")
    assert fields(caplog, "digest.published") == []
    desk.stage.dispatcher.advance(1.0)
    desk.end()
    [published] = fields(caplog, "digest.published")
    assert (published["levelno"], published["name"]) == (logging.INFO, "actors.publisher")
    assert (published["user"], published["alarms"]) == ("u1", 1)


def test_publications_and_retries_are_counted() -> None:
    """A digest is counted when the stream has it, however often it was tried."""
    desk = Desk()
    desk.ask()
    desk.end(DOWN)
    desk.stage.dispatcher.advance(1.0)
    assert (desk.tally.publish_retries, desk.tally.digests_published) == (1, 0)
    desk.end()
    assert (desk.tally.publish_retries, desk.tally.digests_published) == (1, 1)
    assert desk.tally.digest_alarms.count() == 1
