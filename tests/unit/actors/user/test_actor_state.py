"""What a user actor tells of itself to those who only look."""

from __future__ import annotations

from actors.messages.user import LiveState, RecoveryFailed, ShowState
from actors.ports import NEVER_SAVED, Checkpoint
from actors.rules.alarms import Alarm
from tests.unit.actors.user_desk import CLEARED, NOW_S, OWING, WARNING, A, B, UserDesk

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
