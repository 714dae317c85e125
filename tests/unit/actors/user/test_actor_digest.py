"""A user actor that is asked for digests: recorded first, published next, cleared last."""

from __future__ import annotations

import logging

import pytest

from actors.messages.inputs import Delivery, SendDigest
from actors.messages.router import PassivationDeclined
from actors.messages.user import CheckpointConflicted, OutboxPublished, Passivate
from actors.ports import NEVER_SAVED, Checkpoint, DeliveryToken
from actors.rules.alarms import Alarm, AlarmID, Severity
from actors.rules.digest import DIGEST_ALARMS_MAX, Cursor, Digest, DigestID, DigestItem
from actors.rules.positions import Place
from actors.user.outbox import OUTBOX_DIGESTS_MAX
from tests.doubles import logged
from tests.unit.actors.user_desk import (
    CRITICAL,
    NOW_S,
    OWED,
    OWING,
    USER,
    WARNING,
    A,
    B,
    UserDesk,
)

R1, R2 = Place(1, 1), Place(2, 2)
DIGEST = Digest(DigestID("d1"), USER, (DigestItem(A, WARNING, 5),))
EMPTY = Digest(DigestID("d1"), USER, ())


def test_a_digest_is_recorded_before_it_is_published() -> None:
    """Cursor, told alarms and outbox in one save, which goes before those that can wait."""
    desk = UserDesk(NEVER_SAVED)
    event = desk.event()
    desk.deliver(event, desk.request())
    [save] = desk.urgent.take()
    told = save.update.alarms[A]
    assert told is not None
    assert (told.told_severity, told.told_at_ns, told.news) == (WARNING, 5, False)
    assert save.update.cursor == Cursor(1, R1, (DIGEST,))
    assert save.tokens == (event.token,)
    assert desk.publications() == []


def test_a_digest_is_published_once_its_record_is_durable() -> None:
    """And its request acknowledged with the save that clears the outbox, not before."""
    desk = UserDesk(NEVER_SAVED)
    request = desk.request()
    desk.deliver(desk.event(), request)
    assert request.token not in desk.saved().tokens
    assert desk.published() == DIGEST
    assert desk.saves() == []
    desk.group()
    [save] = desk.checkpointer.take()
    assert save.update.cursor == Cursor(1, R1)
    assert save.tokens == (request.token,)
    assert desk.acknowledger.acknowledged == []


def test_with_nothing_to_tell_an_empty_digest_is_published() -> None:
    """Of an unknown user as well."""
    desk = UserDesk(NEVER_SAVED)
    desk.deliver(desk.request())
    assert desk.saved().update.cursor == Cursor(1, R1, (EMPTY,))
    assert desk.published() == EMPTY


def test_an_empty_digest_may_be_skipped() -> None:
    """The request is remembered and acknowledged with a save all the same."""
    desk = UserDesk(NEVER_SAVED, skip_empty_digests=True)
    request = desk.request()
    desk.deliver(request)
    save = desk.saved()
    assert save.update.cursor == Cursor(0, R1)
    assert save.tokens == (request.token,)
    assert desk.publications() == []


def test_skipping_empty_digests_does_not_skip_alarms() -> None:
    """Only those with nothing to tell."""
    desk = UserDesk(NEVER_SAVED, skip_empty_digests=True)
    desk.deliver(desk.event(), desk.request())
    desk.saved()
    assert desk.published() == DIGEST


def test_one_digest_is_owed_at_a_time() -> None:
    """A second request is answered when the first digest is out, with what came meanwhile."""
    desk = UserDesk(NEVER_SAVED)
    desk.deliver(desk.event(), desk.request(1))
    desk.saved()
    second = desk.request(2)
    desk.deliver(second, desk.event(B, CRITICAL, 6))
    assert [save.update.cursor for save in desk.saves()] == []
    desk.published()
    [save] = desk.urgent.take()
    later = Digest(DigestID("d2"), USER, (DigestItem(B, CRITICAL, 6),))
    assert save.update.cursor == Cursor(2, R2, (later,))
    assert second.token not in save.tokens


def _crowded(alarms: int) -> tuple[UserDesk, Delivery]:
    """Return a user with so many alarms due, its first digest asked for, and the request."""
    due = Alarm(WARNING, 5, Severity.CLEARED, None, news=True, heard_at_s=NOW_S)
    desk = UserDesk(
        Checkpoint(3, {AlarmID(f"{number:06}"): due for number in range(alarms)}, Cursor())
    )
    request = desk.request()
    desk.deliver(request)
    return desk, request


def test_more_alarms_than_a_digest_may_carry_follow_in_further_ones() -> None:
    """Oldest first, none twice; the request is answered by the last of them."""
    desk, request = _crowded(2 * DIGEST_ALARMS_MAX + 1)
    told: list[str] = []
    for number, size in enumerate((DIGEST_ALARMS_MAX, DIGEST_ALARMS_MAX, 1), start=1):
        save = desk.saved()
        cursor = save.update.cursor
        assert cursor is not None
        assert (cursor.number, cursor.answered) == (number, R1 if size == 1 else None)
        assert request.token not in save.tokens
        told += [item.alarm_id for item in desk.published().items]
    assert told == [f"{number:06}" for number in range(2 * DIGEST_ALARMS_MAX + 1)]
    desk.group()
    assert request.token in desk.saved().tokens
    assert desk.publications() == []


def test_a_rest_that_is_cleared_meanwhile_needs_no_digest() -> None:
    """An empty one would answer a request that has had its digest."""
    desk, request = _crowded(DIGEST_ALARMS_MAX + 1)
    desk.saved()
    desk.deliver(desk.event(AlarmID(f"{DIGEST_ALARMS_MAX:06}"), Severity.CLEARED, 6))
    desk.published()
    desk.group()
    save = desk.saved()
    assert save.update.cursor == Cursor(1, R1)
    assert request.token in save.tokens
    assert desk.publications() == []


def test_a_part_that_was_never_saved_answers_nothing() -> None:
    """Another process told all of it first: what is left to tell is nothing, and is told."""
    desk, _ = _crowded(DIGEST_ALARMS_MAX + 1)
    desk.saves()
    desk.tell(CheckpointConflicted())
    desk.recover(Checkpoint(4, {}, Cursor(1)))
    cursor = desk.saved().update.cursor
    assert cursor is not None
    assert (cursor.number, cursor.answered) == (2, R1)
    assert desk.published().items == ()


def test_a_crash_between_parts_leaves_the_rest_to_the_request_when_it_comes_again() -> None:
    """The first part is not told again."""
    desk, _ = _crowded(DIGEST_ALARMS_MAX + 1)
    saved = desk.saved().update
    alarms = {alarm_id: alarm for alarm_id, alarm in saved.alarms.items() if alarm is not None}
    last = AlarmID(f"{DIGEST_ALARMS_MAX:06}")
    due = Alarm(WARNING, 5, Severity.CLEARED, None, news=True, heard_at_s=NOW_S)
    assert saved.cursor is not None
    desk = UserDesk(Checkpoint(4, {**alarms, last: due}, saved.cursor))
    desk.deliver(desk.request())
    assert len(desk.published().items) == DIGEST_ALARMS_MAX
    desk.saved()
    assert [item.alarm_id for item in desk.published().items] == [last]


def test_a_request_that_is_read_again_makes_no_second_digest() -> None:
    """It is recognised by the checkpoint, counted, and settled."""
    desk = UserDesk(Checkpoint(3, {}, Cursor(1, R1)))
    again = desk.request(1)
    desk.deliver(again)
    assert desk.acknowledger.acknowledged == [again.token]
    assert desk.saves() == []
    assert desk.publications() == []
    assert desk.tally.requests_repeated == 1


def test_a_request_of_a_log_that_lost_its_tail_is_another_one() -> None:
    """Its sequence was handed out before, its time was not."""
    desk = UserDesk(Checkpoint(3, {}, Cursor(1, Place(7, 7))))
    token = DeliveryToken(99)
    desk.deliver(Delivery(token, SendDigest(USER, Place(5, 8))))
    assert desk.saved().update.cursor == Cursor(2, Place(5, 8), (EMPTY,))


def test_requests_that_came_together_are_answered_by_one_save() -> None:
    """The first with what is news, the others empty, in order and published together."""
    desk = UserDesk(NEVER_SAVED)
    desk.deliver(desk.event(), *(desk.request(number) for number in (1, 2, 3)))
    cursor = desk.saved().update.cursor
    assert cursor is not None
    assert (cursor.number, cursor.answered) == (3, Place(3, 3))
    first, *others = desk.all_published()
    assert first == DIGEST
    assert [digest.items for digest in others] == [(), ()]
    desk.group()
    assert len(desk.saved().tokens) == 3


def test_what_is_asked_behind_a_full_outbox_is_answered_by_the_next() -> None:
    """So one user that asks without end keeps its document small."""
    desk = UserDesk(NEVER_SAVED)
    desk.deliver(*(desk.request(number) for number in range(1, OUTBOX_DIGESTS_MAX + 2)))
    desk.saved()
    assert len(desk.all_published()) == OUTBOX_DIGESTS_MAX
    desk.saved()
    assert len(desk.all_published()) == 1


def test_a_request_read_again_while_its_digest_is_owed_waits_for_it() -> None:
    """After a crash it is reading it again that brings the user back to publish."""
    desk = UserDesk(NEVER_SAVED)
    desk.deliver(desk.request(1))
    again = desk.request(1)
    desk.deliver(again)
    desk.saved()
    assert desk.acknowledger.acknowledged == []
    desk.published()
    desk.group()
    assert again.token in desk.saved().tokens
    assert desk.publications() == []


def test_a_request_of_no_log_is_answered_each_time() -> None:
    """It cannot come again."""
    desk = UserDesk(NEVER_SAVED)
    for expected in ("d1", "d2"):
        desk.deliver(desk.request(None))
        desk.saved()
        assert desk.published().digest_id == expected
        desk.group()
        desk.saved()


def test_an_owed_digest_is_published_on_recovery() -> None:
    """Before anything else, under its own id; then the outbox is cleared."""
    desk = UserDesk()
    again = desk.request(1)
    desk.deliver(desk.event(B, CRITICAL, 6), again)
    desk.recover(OWING)
    assert desk.published() == OWED
    assert desk.acknowledger.acknowledged == []
    desk.group()
    save = desk.saved()
    assert save.update.base_version == 7
    assert save.update.cursor == Cursor(1, R1)
    assert again.token in save.tokens


def test_a_digest_that_is_not_owed_is_none_to_clear() -> None:
    """A late answer about an earlier digest leaves this one in the outbox."""
    desk = UserDesk(OWING)
    desk.tell(OutboxPublished(DigestID("another")))
    assert desk.saves() == []
    desk.published()
    desk.group()
    desk.saved()
    desk.tell(OutboxPublished(OWED.digest_id))
    assert desk.saves() == []


def test_a_digest_asked_for_during_a_save_goes_in_the_next() -> None:
    """At once, among the urgent."""
    desk = UserDesk(NEVER_SAVED)
    desk.deliver(desk.event(), save=True)
    desk.deliver(desk.request())
    assert desk.urgent.take() == []
    desk.saved()
    assert [save.update.cursor for save in desk.urgent.take()] == [Cursor(1, R1, (DIGEST,))]


@pytest.mark.parametrize("step", ["unsaved", "saving", "owed", "clearing"])
def test_a_user_that_owes_something_declines_to_leave(step: str) -> None:
    """It stays, and serves on."""
    desk = UserDesk(NEVER_SAVED)
    steps: dict[str, list[Delivery]] = {"unsaved": [desk.event()]}
    desk.deliver(*steps.get(step, [desk.event(), desk.request()]))
    if step in {"owed", "clearing"}:
        desk.saved()
    if step == "clearing":
        desk.published()
        desk.group()
    desk.tell(Passivate())
    assert desk.router.take() == [PassivationDeclined(USER, desk.user.actor_ref)]
    assert desk.user.mailbox.empty()


def test_a_user_that_recovers_declines_to_leave() -> None:
    """Mail may wait in its stash."""
    desk = UserDesk()
    desk.tell(Passivate())
    assert desk.router.take() == [PassivationDeclined(USER, desk.user.actor_ref)]


def test_nothing_of_a_digest_is_logged_below_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    """The publisher logs a published digest; the user none of the events."""
    caplog.set_level(logging.DEBUG)
    desk = UserDesk(NEVER_SAVED)
    desk.deliver(desk.event(), desk.request())
    desk.saved()
    desk.published()
    desk.group()
    desk.saved()
    assert logged(caplog.records, "actors.user") == []


def test_a_digest_keeps_the_trace_context_of_its_request() -> None:
    """In the outbox, so that it survives a crash."""
    desk = UserDesk()
    desk.recover()
    body = SendDigest(USER, Place(1, 1), 0.0, "00-trace")
    desk.deliver(Delivery(DeliveryToken(9), body))
    [save] = desk.saves()
    assert save.update.cursor is not None
    [digest] = save.update.cursor.outbox
    assert digest.traceparent == "00-trace"
