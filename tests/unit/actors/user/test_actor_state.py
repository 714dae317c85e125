"""What a user actor tells of itself to those who only look."""

from __future__ import annotations

from actors.messages.router import AlarmsCounted
from actors.messages.user import (
    CheckpointConflicted,
    LiveState,
    RecoveryFailed,
    ShowState,
    TakeCheckpoint,
)
from actors.ports import NEVER_SAVED, Checkpoint
from actors.rules.alarms import Alarm, AlarmID
from tests.unit.actors.user_desk import (
    CLEARED,
    CRITICAL,
    NOW_S,
    OWING,
    USER,
    WARNING,
    A,
    B,
    UserDesk,
)

RAISED = Alarm(WARNING, 5, CLEARED, None, news=True, heard_at_s=NOW_S)


def state(desk: UserDesk) -> LiveState | None:
    """Ask the actor."""
    answer = desk.tell(ShowState())
    assert answer is None or isinstance(answer, LiveState)
    return answer


def test_a_user_tells_its_state_before_it_is_saved() -> None:
    """As it would be saved, and how many messages wait for that."""
    desk = UserDesk(NEVER_SAVED)
    desk.deliver(desk.event(), desk.event())
    assert state(desk) == LiveState(Checkpoint(0, {A: RAISED}, NEVER_SAVED.cursor), 2)


def test_what_was_told_stays_as_it_was_told() -> None:
    """It is read on another thread, while the actor goes on."""
    desk = UserDesk(NEVER_SAVED)
    desk.deliver(desk.event())
    told = state(desk)
    desk.deliver(desk.event(B))
    assert told == LiveState(Checkpoint(0, {A: RAISED}, NEVER_SAVED.cursor), 1)


def test_a_digest_that_is_owed_is_in_it() -> None:
    """And nothing is unsaved: the outbox is stored."""
    assert state(UserDesk(OWING)) == LiveState(OWING, 0)


def test_looking_changes_nothing() -> None:
    """No save, no digest, no acknowledgement."""
    desk = UserDesk(NEVER_SAVED)
    desk.deliver(desk.event())
    state(desk)
    assert desk.saves() == []
    desk.deliver(save=True)
    assert len(desk.saves()) == 1


def test_a_user_that_is_loading_or_has_failed_tells_nothing() -> None:
    """Whoever looks reads the checkpoint instead."""
    desk = UserDesk()
    desk.deliver(desk.event())
    assert state(desk) is None
    desk.tell(RecoveryFailed("damaged"))
    assert state(desk) is None


def test_a_user_with_more_alarms_than_its_share_says_so_to_the_router() -> None:
    """When it is loaded and when it is saved, if the number is another; most never do."""
    desk = UserDesk(OWING, alarm_share=1)
    assert desk.router.take() == []
    ref = desk.user.actor_ref
    desk.deliver(desk.event(B), desk.event(AlarmID("c")))
    assert desk.router.take() == []
    desk.tell(TakeCheckpoint())
    assert desk.router.take() == [AlarmsCounted(USER, ref, 2)]
    desk.tell(CheckpointConflicted())
    desk.recover(OWING)
    assert desk.router.take() == [AlarmsCounted(USER, ref, 0), AlarmsCounted(USER, ref, 2)]
    desk.deliver(desk.event(B, CRITICAL, 9), save=True)
    assert desk.router.take() == []
