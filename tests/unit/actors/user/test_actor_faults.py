"""A user actor when something goes wrong: conflicts, refusals, crashes."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

from actors.messages.checkpoints import RecoverUser
from actors.messages.router import Passivated, UserFailed
from actors.messages.user import (
    CheckpointConflicted,
    CheckpointRefused,
    Passivate,
    RecoveryFailed,
    TakeCheckpoint,
)
from actors.ports import NEVER_SAVED, Checkpoint
from actors.rejections import RejectionKind
from actors.rules.alarms import Alarm, AlarmID
from actors.rules.capacity import USER_MAX_BYTES, stored_bytes
from actors.rules.digest import Cursor
from actors.rules.positions import Place
from actors.user.state import CHANGES_IN_A_SAVE
from tests.doubles import logged
from tests.unit.actors.user_desk import (
    CLEARED,
    CRITICAL,
    NOW_S,
    OWED,
    OWING,
    USER,
    WARNING,
    A,
    B,
    Poison,
    UserDesk,
)

if TYPE_CHECKING:
    from actors.messages.inputs import Delivery

P = AlarmID(Poison("p"))


def _handed_back(desk: UserDesk) -> tuple[Delivery, ...]:
    """Ask a failed user to leave; return what it hands back."""
    desk.tell(Passivate())
    [answer] = desk.router.take()
    assert isinstance(answer, Passivated)
    assert (answer.user_id, answer.ref) == (USER, desk.user.actor_ref)
    return answer.returned


def test_after_a_conflict_the_unsaved_events_are_applied_to_what_the_other_saved() -> None:
    """Those of the save, and those that came since; then saved on the other's version."""
    desk = UserDesk(NEVER_SAVED)
    first, second, third = desk.event(A, at_ns=5), desk.event(B, CRITICAL, 6), desk.event(B)
    desk.deliver(first, save=True)
    desk.deliver(second)
    desk.save()
    desk.tell(CheckpointConflicted())
    desk.deliver(third)
    theirs = Alarm(CLEARED, 9, WARNING, 4, news=True, heard_at_s=NOW_S)
    desk.recover(Checkpoint(3, {A: theirs}, Cursor(1)))
    save = desk.save()
    assert save.update.base_version == 3
    assert save.update.alarms == {
        B: Alarm(CRITICAL, 6, CLEARED, None, news=True, heard_at_s=NOW_S),
    }
    assert save.update.cursor is None
    assert save.tokens == (first.token, second.token, third.token)
    assert desk.acknowledger.acknowledged == []


def test_after_a_conflict_that_left_nothing_to_save_the_events_are_acknowledged() -> None:
    """The save had taken effect before its answer was lost, or the other had the same events."""
    desk = UserDesk(NEVER_SAVED)
    event = desk.event()
    desk.deliver(event, save=True)
    update = desk.save().update
    desk.tell(CheckpointConflicted())
    saved = {alarm_id: alarm for alarm_id, alarm in update.alarms.items() if alarm is not None}
    desk.recover(Checkpoint(1, saved, Cursor()))
    assert desk.saves() == []
    assert desk.acknowledger.acknowledged == [event.token]


def test_after_a_conflict_a_request_is_answered_anew() -> None:
    """From the state that the other saved; nothing of the first answer was published."""
    desk = UserDesk(NEVER_SAVED)
    desk.deliver(desk.event(), desk.request())
    desk.save()
    desk.tell(CheckpointConflicted())
    told = Alarm(WARNING, 5, WARNING, 5, news=False, heard_at_s=NOW_S)
    desk.recover(Checkpoint(2, {A: told}, Cursor(1)))
    assert desk.publications() == []
    cursor = desk.saved().update.cursor
    assert cursor is not None
    assert desk.published().items == ()
    assert cursor.answered == Place(1, 1)


def test_a_digest_saved_without_an_answer_is_published_and_not_made_again() -> None:
    """The save took effect, its answer was lost, its repetition conflicted."""
    desk = UserDesk(NEVER_SAVED)
    event, request = desk.event(), desk.request()
    desk.deliver(event, request)
    update = desk.save().update
    assert update.cursor is not None
    desk.tell(CheckpointConflicted())
    saved = {alarm_id: alarm for alarm_id, alarm in update.alarms.items() if alarm is not None}
    desk.recover(Checkpoint(1, saved, update.cursor))
    assert desk.all_published() == update.cursor.outbox
    desk.group()
    save = desk.saved()
    assert save.update.cursor == Cursor(1, Place(1, 1))
    assert save.tokens == (request.token,)
    assert desk.acknowledger.acknowledged == [event.token]
    assert desk.publications() == []


def test_the_answer_of_a_publication_that_comes_while_reloading_is_not_lost() -> None:
    """The outbox that is loaded is published again, under the same id."""
    desk = UserDesk(OWING)
    desk.deliver(desk.event(B), save=True)
    desk.save()
    desk.tell(CheckpointConflicted())
    desk.published()
    desk.recover(OWING)
    assert desk.published() == OWED


def test_a_refused_save_becomes_dead_letters_and_what_came_since_goes_on() -> None:
    """It would be refused again; the reason goes with it."""
    desk = UserDesk(NEVER_SAVED)
    first, second = desk.event(A), desk.event(B)
    desk.deliver(first, save=True)
    desk.deliver(second)
    desk.save()
    desk.tell(CheckpointRefused("too large"))
    assert desk.acknowledger.dead == [(first.token, "too large")]
    desk.recover(NEVER_SAVED)
    save = desk.saved()
    assert list(save.update.alarms) == [B]
    assert save.tokens == (second.token,)
    assert desk.acknowledger.dead == [(first.token, "too large")]


def test_a_refused_digest_takes_its_request_with_it() -> None:
    """Nothing of it is published."""
    desk = UserDesk(NEVER_SAVED)
    event, request, waiting = desk.event(), desk.request(), desk.request(2)
    desk.deliver(event, request)
    desk.deliver(waiting)
    desk.save()
    desk.tell(CheckpointRefused("too large"))
    assert desk.acknowledger.dead == [(event.token, "too large"), (request.token, "too large")]
    assert set(desk.acknowledger.kinds) == {RejectionKind.UNSAVABLE}
    desk.recover(NEVER_SAVED)
    cursor = desk.save().update.cursor
    assert cursor is not None
    assert cursor.answered == Place(2, 2)
    assert desk.publications() == []


def test_a_refused_digest_of_several_alarms_is_tried_smaller(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """By half, down to one; nothing is given up before, and no event ever with it."""
    due = Alarm(WARNING, 5, CLEARED, None, news=True, heard_at_s=NOW_S)
    stored = Checkpoint(3, {AlarmID(f"{number}"): due for number in range(5)}, Cursor())
    desk = UserDesk(stored)
    event, request = desk.event(), desk.request()
    desk.deliver(event, request)
    sizes = []
    for _ in range(2):
        cursor = desk.save().update.cursor
        assert cursor is not None
        [digest] = cursor.outbox
        sizes.append(len(digest.items))
        desk.tell(CheckpointRefused("too large"))
        assert desk.acknowledger.dead == []
        desk.recover(stored)
    assert sizes == [6, 3]
    saved = desk.saved()
    assert event.token in saved.tokens
    told = [item.alarm_id for item in desk.published().items]
    for _ in range(5):
        desk.saved()
        told += [item.alarm_id for item in desk.published().items]
    assert sorted(told) == ["0", "1", "2", "3", "4", "a"]
    desk.group()
    assert request.token in desk.saved().tokens
    assert logged(caplog.records, "actors.user") == [("WARNING", "digest.too_large")] * 2


def test_a_refused_part_of_a_digest_takes_its_request_with_it() -> None:
    """When not even one alarm fits, the request is given up rather than tried for ever."""
    due = Alarm(WARNING, 5, CLEARED, None, news=True, heard_at_s=NOW_S)
    stored = Checkpoint(3, {A: due, B: due}, Cursor())
    desk = UserDesk(stored)
    request = desk.request()
    desk.deliver(request)
    for _ in range(2):
        desk.save()
        desk.tell(CheckpointRefused("too large"))
        desk.recover(stored)
    assert desk.acknowledger.dead == [(request.token, "too large")]
    assert desk.saves() == []
    assert desk.publications() == []


def test_a_user_that_is_full_takes_no_more_alarms_and_goes_on_with_those_it_has() -> None:
    """What is new becomes a dead letter that says so; what is known is applied, and told."""
    known = Alarm(CLEARED, 5, CLEARED, None, news=False, heard_at_s=NOW_S)
    count = USER_MAX_BYTES // stored_bytes([AlarmID("000000".ljust(256, "%"))])
    *ids, surplus = (AlarmID(f"{number:06}".ljust(256, "%")) for number in range(count + 1))
    desk = UserDesk(Checkpoint(3, dict.fromkeys(ids, known), Cursor()))
    new, change = desk.event(surplus), desk.event(ids[7], WARNING, 6)
    desk.deliver(new, change, desk.request())
    why = f"the user has {len(ids)} alarms and no room for another"
    assert desk.acknowledger.dead == [(new.token, why)]
    assert desk.acknowledger.kinds == [RejectionKind.UNSAVABLE]
    assert (desk.tally.events_changed, desk.tally.events_unchanged) == (1, 1)
    assert list(desk.saved().update.alarms) == [ids[7]]
    assert [item.alarm_id for item in desk.published().items] == [ids[7]]


def test_a_full_user_takes_alarms_again_when_old_ones_are_forgotten() -> None:
    """Room is counted anew."""
    desk = UserDesk(cleared_retention_s=8)
    known = Alarm(CLEARED, 5, CLEARED, None, news=False, heard_at_s=NOW_S - 100)
    ids = [AlarmID(f"{number:06}".ljust(256, "%")) for number in range(20_000)]
    desk.recover(Checkpoint(3, dict.fromkeys(ids, known), Cursor()))
    full = desk.event(B)
    desk.deliver(full, desk.event(ids[0], WARNING, 6), save=True)
    assert [token for token, _ in desk.acknowledger.dead] == [full.token]
    forgotten = [one for one, alarm in desk.saved().update.alarms.items() if alarm is None]
    assert forgotten == ids[1 : CHANGES_IN_A_SAVE + 1]
    desk.deliver(desk.event(B), save=True)
    assert desk.saved().update.alarms[B] is not None


def test_a_crash_is_reported_with_the_message_that_is_to_blame() -> None:
    """The actor only collects mail from then on."""
    desk = UserDesk(NEVER_SAVED)
    poison = desk.event(P)
    desk.deliver(desk.event(), poison, desk.event(B), save=True)
    reason = "ArithmeticError('poison')"
    assert desk.router.take() == [UserFailed(USER, desk.user.actor_ref, poison.token, reason)]
    desk.tell(TakeCheckpoint())
    assert desk.saves() == []


def test_a_crashed_user_hands_back_everything_that_is_not_settled() -> None:
    """Once and in order: in a save, applied, interrupted, and what came since."""
    desk = UserDesk(NEVER_SAVED)
    saving, applied, before, poison, behind, since = (
        desk.event(alarm_id) for alarm_id in (A, B, A, P, B, A)
    )
    desk.deliver(saving, save=True)
    desk.deliver(applied)
    desk.deliver(before, poison, behind)
    desk.deliver(since)
    desk.router.take()
    assert _handed_back(desk) == (saving, applied, before, poison, behind, since)


def test_a_crashed_user_hands_back_its_requests() -> None:
    """The one that is being answered, and those that wait."""
    desk = UserDesk(NEVER_SAVED)
    answering, waiting, poison = desk.request(1), desk.request(2), desk.event(P)
    desk.deliver(answering)
    desk.deliver(waiting)
    desk.deliver(poison)
    desk.router.take()
    assert _handed_back(desk) == (answering, waiting, poison)


def test_a_request_that_crashes_is_to_blame_itself() -> None:
    """Not the events that came with it."""
    desk = UserDesk(NEVER_SAVED)
    desk.ids.broken = True
    event, request = desk.event(), desk.request()
    desk.deliver(event, request)
    [failed] = desk.router.take()
    assert failed.culprit == request.token
    assert _handed_back(desk) == (event, request)


def test_a_poison_message_in_the_stash_is_found_after_recovery() -> None:
    """The rest of the stash is handed back with it."""
    desk = UserDesk()
    event, poison = desk.event(), desk.event(P)
    desk.deliver(event, poison)
    desk.recover(NEVER_SAVED)
    [failed] = desk.router.take()
    assert failed.culprit == poison.token
    assert _handed_back(desk) == (event, poison)


def test_a_checkpoint_that_cannot_be_read_fails_the_user() -> None:
    """No message in particular is to blame; the reason is given as it is."""
    desk = UserDesk()
    event = desk.event()
    desk.deliver(event)
    desk.tell(RecoveryFailed("schema 99"))
    ref = desk.user.actor_ref
    assert desk.router.take() == [UserFailed(USER, ref, None, "schema 99")]
    assert _handed_back(desk) == (event,)


def test_a_failed_user_stops_once_it_has_handed_back() -> None:
    """Not before: mail sent meanwhile would be lost."""
    desk = UserDesk()
    desk.tell(RecoveryFailed("schema 99"))
    desk.router.take()
    assert desk.user.mailbox.empty()
    _handed_back(desk)
    assert not desk.user.mailbox.empty()


@pytest.mark.parametrize("urgent", [False, True])
def test_a_conflict_while_another_save_was_asked_for_saves_once(*, urgent: bool) -> None:
    """After the reload, with everything in it."""
    desk = UserDesk(NEVER_SAVED)
    desk.deliver(desk.event(A), save=True)
    desk.save()
    desk.deliver(desk.event(B), *([desk.request()] if urgent else []), save=True)
    desk.tell(CheckpointConflicted())
    assert desk.recovery.take() == [RecoverUser(USER, desk.user.actor_ref)]
    desk.recovery.actor_ref.tell(RecoverUser(USER, desk.user.actor_ref))
    desk.recover(NEVER_SAVED)
    assert set(desk.save().update.alarms) == {A, B}


def test_conflicts_are_warnings_refusals_errors(caplog: pytest.LogCaptureFixture) -> None:
    """A crash is logged by the router; here only for whoever debugs."""
    caplog.set_level(logging.DEBUG)
    desk = UserDesk(NEVER_SAVED)
    desk.deliver(desk.event(), save=True)
    desk.tell(CheckpointConflicted())
    desk.recover(NEVER_SAVED)
    desk.tell(CheckpointRefused("too large"))
    desk.recover(NEVER_SAVED)
    desk.deliver(desk.event(P))
    assert logged(caplog.records, "actors.user") == [
        ("WARNING", "checkpoint.conflicted"),
        ("ERROR", "checkpoint.refused"),
        ("DEBUG", "user.failing"),
    ]
