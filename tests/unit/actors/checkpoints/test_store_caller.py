"""The store caller: every call is answered, and a bug in a driver ends the process."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from actors.messages.checkpoints import (
    GroupNotSaved,
    GroupSaved,
    LoadUsers,
    SaveGroup,
    UsersLoaded,
    UsersNotLoaded,
)
from actors.ports import SaveOutcome
from actors.rules.alarms import UserID
from tests.doubles import SaveFault
from tests.unit.actors.service_doubles import Stage, TimedStore, update

if TYPE_CHECKING:
    import pytest


class Desk:
    """A store caller and who asks it."""

    def __init__(self) -> None:
        """Start it."""
        self.stage = Stage()
        self.store = TimedStore(self.stage.clock)
        self.caller = self.stage.caller(self.store)
        self.asker = self.stage.probe()
        self._last_number = 0

    def answers(self, *messages: SaveGroup | LoadUsers) -> list[object]:
        """Ask all of that, then return what was answered."""
        for message in messages:
            self.caller.tell(message)
        self.stage.settle()
        return self.asker.received

    def save(self, user: str) -> SaveGroup:
        """Return a group of one user."""
        self._last_number += 1
        return SaveGroup(self._last_number, [update(user)], self.asker.actor_ref)


def test_each_call_is_answered_with_what_it_returned() -> None:
    """In their order where the store answers at once."""
    desk = Desk()
    load = LoadUsers([UserID("b")], desk.asker.actor_ref)
    assert desk.answers(desk.save("a"), load, desk.save("a")) == [
        GroupSaved(1, [SaveOutcome.SAVED]),
        UsersLoaded({}),
        GroupSaved(2, [SaveOutcome.CONFLICTED]),
    ]


def test_a_store_that_is_not_available_is_an_answer_too() -> None:
    """Whether to try again is for the asker to say."""
    desk = Desk()
    desk.store.save_faults = [SaveFault.AFTER_IT_TOOK_EFFECT]
    desk.store.load_faults = 1
    load = LoadUsers([UserID("a")], desk.asker.actor_ref)
    failures = [GroupNotSaved(1, "no answer"), UsersNotLoaded("no primary")]
    assert desk.answers(desk.save("a"), load) == failures
    assert desk.stage.escalated == []


def test_a_bug_in_a_driver_is_escalated(caplog: pytest.LogCaptureFixture) -> None:
    """Nobody knows what became of the group; it comes back to the next process."""
    caplog.set_level(logging.CRITICAL)
    desk = Desk()
    desk.store.crash = LookupError("a bug")
    assert desk.answers(desk.save("a")) == []
    assert desk.stage.escalated == ["StoreCaller crashed: LookupError('a bug')"]


def test_an_asker_that_is_gone_is_passed_over() -> None:
    """The process is stopping."""
    desk = Desk()
    desk.asker.actor_ref.stop(block=False)
    assert desk.answers(desk.save("a")) == []
    assert desk.stage.escalated == []
