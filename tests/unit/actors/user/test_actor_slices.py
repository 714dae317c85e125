"""A user with very many alarms, or events, works in slices: no turn has more than so many."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actors.messages.router import CheckpointWanted, Passivated, PassivationDeclined
from actors.messages.user import (
    CheckpointConflicted,
    Finish,
    HandleDeliveries,
    LiveState,
    OutboxPublished,
    Passivate,
    Recovered,
    ShowState,
    TakeCheckpoint,
)
from actors.ports import NEVER_SAVED, Checkpoint
from actors.rules.alarms import Alarm, AlarmID
from actors.rules.digest import DIGEST_ALARMS_MAX, NEVER_TOLD
from actors.user import applying as applying_module
from actors.user import deliveries as deliveries_module
from actors.user import state as state_module
from actors.user.deliveries import SETTLED_AT_ONCE
from actors.user.selection import ALARMS_IN_A_SLICE
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
    UserDesk,
)

if TYPE_CHECKING:
    import pytest

    from actors.messages.inputs import Delivery

MANY = 4 * ALARMS_IN_A_SLICE
ASLEEP = Alarm(CLEARED, 5, CLEARED, None, news=False, heard_at_s=NOW_S)
RAISED = Alarm(WARNING, 5, CLEARED, None, news=True, heard_at_s=NOW_S)
IDS = [AlarmID(f"{number:06}") for number in range(MANY)]


def _large(alarm: Alarm) -> Checkpoint:
    return Checkpoint(7, dict.fromkeys(IDS, alarm), NEVER_TOLD)


def _told(desk: UserDesk) -> list[str]:
    return [item.alarm_id for item in desk.published().items]


def test_a_large_checkpoint_is_read_in_slices_and_mail_waits() -> None:
    """Nothing is known of the user until all of it is read."""
    desk = UserDesk()
    desk.recovery.take()
    desk.user.on_receive(Recovered(_large(RAISED)))
    desk.user.on_receive(HandleDeliveries((desk.event(IDS[0], CLEARED, 6), desk.request())))
    assert desk.user.on_receive(ShowState()) is None
    desk.user.on_receive(Passivate())
    assert desk.router.take() == [PassivationDeclined(USER, desk.user.actor_ref)]
    slices = 0
    while desk.slice():
        slices += 1
    assert slices >= 2 * MANY / ALARMS_IN_A_SLICE  # read, and looked at for the digest
    assert list(desk.saved().update.alarms).count(IDS[0]) == 1
    assert _told(desk) == IDS[1:]


def test_what_was_cleared_long_ago_is_forgotten_with_a_save_and_not_before_its_mail() -> None:
    """As of small users: what comes for it meanwhile is held against what was known."""
    desk = UserDesk(cleared_retention_s=8)
    old = ASLEEP._replace(heard_at_s=NOW_S - 100)
    desk.recovery.take()
    known = {**dict.fromkeys(IDS, RAISED), IDS[3]: old, A: old}
    desk.user.on_receive(Recovered(Checkpoint(7, known, NEVER_TOLD)))
    desk.user.on_receive(HandleDeliveries((desk.event(IDS[3], CLEARED, 9), desk.event(B))))
    while desk.slice():
        pass
    desk.tell(TakeCheckpoint())
    saved = desk.saved().update.alarms
    assert saved.keys() == {IDS[3], A, B}
    assert saved[A] is None
    assert saved[IDS[3]] is not None


def test_of_very_much_that_is_forgotten_a_part_goes_with_each_save(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """All of it in the save before which it is forgotten, beside what else has changed."""
    monkeypatch.setattr("actors.user.state.CHANGES_IN_A_SAVE", 2)
    desk = UserDesk(cleared_retention_s=8)
    old = ASLEEP._replace(heard_at_s=NOW_S - 100)
    desk.recover(Checkpoint(7, dict.fromkeys(IDS[:5], old), NEVER_TOLD))
    desk.deliver(desk.event(A), desk.event(B))
    desk.tell(TakeCheckpoint())
    saves: list[list[str]] = []
    for event in ("c", "d", "e"):
        gone = [one for one, alarm in desk.saved().update.alarms.items() if alarm is None]
        saves.append(sorted(gone))
        desk.deliver(desk.event(AlarmID(event)))
        desk.tell(TakeCheckpoint())
    assert saves == [IDS[:2], IDS[2:4], IDS[4:5]]


def test_a_user_with_very_many_unsaved_events_saves_by_itself() -> None:
    """What a save encodes, and settles, is bounded by that, and not by how long it rests."""
    desk = UserDesk(NEVER_SAVED)
    desk.deliver(*(desk.event(one) for one in IDS[:ALARMS_IN_A_SLICE]))
    assert desk.saves() == []
    desk.deliver(desk.event(IDS[-1]))
    assert len(desk.saved().tokens) == ALARMS_IN_A_SLICE + 1


def test_mail_waits_while_a_digest_is_chosen() -> None:
    """What stands behind the request may be in the next: alarms must not change meanwhile."""
    desk = UserDesk(_large(RAISED))
    desk.user.on_receive(HandleDeliveries((desk.request(),)))
    desk.slice()
    desk.user.on_receive(HandleDeliveries((desk.event(IDS[3], CLEARED, 6),)))
    desk.user.on_receive(TakeCheckpoint())
    assert isinstance(desk.user.on_receive(ShowState()), LiveState)
    assert desk.saves() == []
    while desk.slice():
        pass
    assert len(desk.saved().update.alarms) == MANY
    assert _told(desk) == IDS


def test_after_a_digest_only_what_has_changed_since_is_looked_at() -> None:
    """Three of very many are told in the turn in which they are asked for."""
    desk = UserDesk(_large(ASLEEP))
    desk.deliver(desk.request(1))
    desk.saved()
    assert _told(desk) == []
    desk.group()
    desk.saved()
    changed = [desk.event(one, CRITICAL, 9) for one in (IDS[7], IDS[5], A)]
    desk.slices = 0
    desk.deliver(*changed, desk.request(2))
    assert desk.slices == 0
    desk.saved()
    assert _told(desk) == [IDS[5], IDS[7], A]


def test_more_that_has_changed_than_a_slice_has_is_found_all_the_same() -> None:
    """Noted or not noted any more: nothing that is due is passed over."""
    desk = UserDesk(_large(ASLEEP))
    desk.deliver(desk.request(1))
    desk.saved()
    assert _told(desk) == []
    desk.group()
    desk.saved()
    for first in range(0, MANY // 2, 500):
        desk.deliver(*(desk.event(one, WARNING, 9) for one in IDS[first : first + 500]), save=True)
        desk.saved()
    desk.deliver(desk.request(2))
    desk.saved()
    assert _told(desk) == IDS[: MANY // 2]


def test_very_many_events_that_waited_are_applied_in_slices(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """In order, with those that come meanwhile behind them; a crash blames the right one."""
    applied: list[int] = []
    apply_event = applying_module.apply_event  # type: ignore[attr-defined]

    def counted(*args: object) -> Alarm:
        applied[-1] += 1
        return apply_event(*args)  # type: ignore[arg-type]  # passed on

    monkeypatch.setattr(applying_module, "apply_event", counted)
    desk = UserDesk()
    desk.recovery.take()
    mail = [desk.event(A, CRITICAL if number % 2 else WARNING, number) for number in range(MANY)]
    desk.user.on_receive(HandleDeliveries(tuple(mail)))
    applied.append(0)
    desk.user.on_receive(Recovered(NEVER_SAVED))
    late = desk.event(B, WARNING, 1)
    desk.user.on_receive(HandleDeliveries((late,)))
    desk.user.on_receive(TakeCheckpoint())
    applied.append(0)
    while desk.slice():
        applied.append(0)
    assert sum(applied) == MANY + 1
    assert max(applied) == ALARMS_IN_A_SLICE
    save = desk.saved()
    assert save.update.alarms[A] == RAISED._replace(severity=CRITICAL, changed_at_ns=MANY - 1)
    tokens = [one.token for one in (*mail, late)]
    assert save.tokens == tuple(tokens[:SETTLED_AT_ONCE])
    # What the save held as well is settled behind it, so many at a time.
    assert desk.acknowledger.acknowledged == tokens[SETTLED_AT_ONCE:]


def test_a_batch_of_very_many_events_is_applied_in_slices_as_well() -> None:
    """Mail that was kept while the user left, for one."""
    desk = UserDesk(NEVER_SAVED)
    mail: list[Delivery] = [desk.event(one) for one in IDS]
    desk.deliver(*mail, save=True)
    assert desk.slices > MANY / ALARMS_IN_A_SLICE
    assert sum(len(desk.saved().update.alarms) for _ in range(2)) == MANY


def test_a_conflict_while_it_works_begins_anew_with_all_that_it_holds() -> None:
    """A slice that was still to come finds nothing in hand."""
    desk = UserDesk(_large(RAISED))
    first = desk.event(IDS[0], CLEARED, 6)
    desk.deliver(first, save=True)
    desk.save()
    request = desk.request()
    desk.user.on_receive(HandleDeliveries((request,)))
    desk.slice()
    desk.tell(CheckpointConflicted())
    desk.recover(_large(RAISED))
    desk.saved()
    assert _told(desk) == IDS[1:]


def test_a_digest_that_was_owed_is_published_while_mail_is_worked_off() -> None:
    """And what is asked meanwhile is answered once it is out."""
    desk = UserDesk()
    desk.recovery.take()
    mail = [desk.event(B, WARNING, number) for number in range(MANY)]
    desk.user.on_receive(HandleDeliveries((*mail, desk.request(2))))
    desk.user.on_receive(Recovered(OWING))
    assert desk.publications() == [(OWED,)]
    desk.slice()
    desk.user.on_receive(OutboxPublished(OWED.digest_id))
    while desk.slice():
        pass
    desk.saved()
    assert _told(desk) == [B]


def test_a_user_that_has_to_finish_leaves_once_its_work_is_done() -> None:
    """Told and saved; a hand-over waits for it."""
    desk = UserDesk(_large(RAISED))
    desk.user.on_receive(HandleDeliveries((desk.request(),)))
    desk.user.on_receive(Finish())
    while desk.slice():
        pass
    desk.saved()
    assert len(_told(desk)) == MANY
    desk.saved()
    assert desk.router.take() == [Passivated(USER, desk.user.actor_ref, ())]


def test_parts_of_what_is_due_are_chosen_one_after_the_other() -> None:
    """Each time the oldest; what changed between two parts is told as it stands by then."""
    count = DIGEST_ALARMS_MAX + 5
    ids = [AlarmID(f"{number:06}") for number in range(count)]
    desk = UserDesk(Checkpoint(7, dict.fromkeys(ids, RAISED), NEVER_TOLD))
    desk.deliver(desk.request())
    desk.saved()
    desk.deliver(desk.event(ids[-1], CRITICAL, 9), desk.event(ids[-2], CLEARED, 9))
    assert _told(desk) == ids[:DIGEST_ALARMS_MAX]
    desk.saved()
    assert _told(desk) == [*ids[DIGEST_ALARMS_MAX:-2], ids[-1]]
    assert desk.router.take() == [CheckpointWanted(USER, desk.user.actor_ref)]


def test_a_save_carries_so_many_changes_and_all_that_its_messages_have_changed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What is left goes with the next ones, which follow by themselves."""
    monkeypatch.setattr(state_module, "CHANGES_IN_A_SAVE", 3)
    monkeypatch.setattr(deliveries_module, "SETTLED_AT_ONCE", 2)
    desk = UserDesk(NEVER_SAVED)
    events = [desk.event(one, WARNING, 5) for one in IDS[:7]]
    desk.deliver(*events, save=True)
    saves = [desk.saved() for _ in range(3)]
    assert [list(save.update.alarms) for save in saves] == [IDS[:3], IDS[3:6], IDS[6:7]]
    tokens = [event.token for event in events]
    assert [*saves[0].tokens, *saves[1].tokens, *saves[2].tokens] == tokens[:6]
    assert desk.acknowledger.acknowledged == tokens[6:]


def test_what_is_told_is_marked_so_in_the_save_that_carries_the_digest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """However much else has changed: a crash before the next save would have it told again."""
    monkeypatch.setattr(state_module, "CHANGES_IN_A_SAVE", 2)
    desk = UserDesk(NEVER_SAVED)
    cleared = [desk.event(one, CLEARED, 5) for one in IDS[:9]]
    raised = [desk.event(one, WARNING, 5) for one in IDS[9:12]]
    monkeypatch.setattr(deliveries_module, "SETTLED_AT_ONCE", 1)
    desk.deliver(*cleared, *raised, desk.request())
    assert list(desk.save().update.alarms) == [IDS[0], *IDS[9:12]]
