"""The observed store: what goes through it unchanged, and what it notes."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from actors.errors import StoreUnavailableError
from actors.ports import CheckpointUpdate, SaveOutcome
from actors.rules.alarms import UserID
from actors.runtime.simulated import ManualClock
from store.tally import SILENT_AFTER_S
from store.users.memory import PromptStore
from store.users.observed import CHECK_AFTER_S, ObservedCheckpointStore
from tests.doubles import FaultyStore, SaveFault

if TYPE_CHECKING:
    from collections.abc import Sequence

    from actors.ports import Unsavable

U1, U2 = UserID("u1"), UserID("u2")


class SlowStore(FaultyStore):
    """Takes some time for everything, and can be asked whether it is there."""

    def __init__(self, clock: ManualClock) -> None:
        """Take no time."""
        super().__init__()
        self._clock = clock
        self.takes_s = 0.0
        self.checks = 0
        self.absent = False

    def save(self, updates: Sequence[CheckpointUpdate]) -> Sequence[SaveOutcome | Unsavable]:
        """See ``CheckpointStore``."""
        self._clock.elapsed_s += self.takes_s
        return super().save(updates)

    def check(self) -> None:
        """Be there, or not."""
        self.checks += 1
        if self.absent:
            raise StoreUnavailableError("nobody there")


class CheckablePromptStore(PromptStore):
    """A prompt store that can be asked whether it is there."""

    def __init__(self, store: SlowStore) -> None:
        """Ask ``store``."""
        super().__init__(store)
        self._slow = store

    async def check(self) -> None:
        """See ``CheckableStore``."""
        self._slow.check()


class Desk:
    """An observed store and its clock."""

    def __init__(self) -> None:
        """Set it up."""
        self.clock = ManualClock()
        self.inner = SlowStore(self.clock)
        self.store = ObservedCheckpointStore(
            CheckablePromptStore(self.inner), self.clock.monotonic_s
        )
        self.tally = self.store.tally

    def save(self, *user_ids: UserID, base_version: int = 0) -> list[object]:
        """Save users."""
        updates = [CheckpointUpdate(user_id, base_version, {}, None) for user_id in user_ids]
        return list(asyncio.run(self.store.save(updates)))

    def load(self, user_id: UserID) -> object:
        """Load a user."""
        return asyncio.run(self.store.load([user_id])).keys()

    def check(self) -> None:
        """Check the store."""
        asyncio.run(self.store.check())

    def check_if_silent(self) -> None:
        """Check the store if it was silent."""
        asyncio.run(self.store.check_if_silent())

    def problems(self) -> list[str]:
        """Return why the store is not usable."""
        return list(self.tally.problems(self.clock.monotonic_s()))


def test_a_group_is_one_call_of_so_many_users_and_so_long() -> None:
    """The answer passes through."""
    desk = Desk()
    desk.inner.takes_s = 0.3
    assert desk.save(U1, U2) == [SaveOutcome.SAVED, SaveOutcome.SAVED]
    saves = desk.tally.saves
    assert (saves.durations_s.count(), saves.users.total) == (1, 2)
    assert saves.durations_s.total == pytest.approx(0.3)
    assert desk.load(U1) == {U1}
    assert desk.tally.loads.users.total == 1


def test_conflicts_and_refusals_are_counted_by_user() -> None:
    """The rest of the group is saved."""
    desk = Desk()
    desk.save(U1)
    desk.inner.refused[U2] = "too large"
    desk.save(U1, U2, UserID("u3"))
    assert (desk.tally.conflicts, desk.tally.refusals) == (1, 1)


def test_a_save_that_fails_makes_the_store_unusable_until_one_succeeds() -> None:
    """That it can be read is no proof that it can be written."""
    desk = Desk()
    assert desk.problems() == []
    desk.inner.save_faults = [SaveFault.BEFORE_IT_TOOK_EFFECT]
    with pytest.raises(StoreUnavailableError):
        desk.save(U1)
    assert desk.problems() == ["no primary"]
    desk.load(U1)
    desk.check()
    assert desk.problems() == ["no primary"]
    desk.save(U1)
    assert desk.problems() == []
    assert desk.tally.saves.failures == 1


def test_a_save_that_succeeds_proves_everything() -> None:
    """Whoever can write can read."""
    desk = Desk()
    desk.inner.load_faults = 1
    desk.inner.absent = True
    with pytest.raises(StoreUnavailableError):
        desk.load(U1)
    with pytest.raises(StoreUnavailableError):
        desk.check()
    assert desk.problems() == ["no primary", "nobody there"]
    desk.save(U1)
    assert desk.problems() == []


def test_a_call_without_an_answer_shows_before_it_fails() -> None:
    """A server that stands still is noticed long before the driver gives up."""
    desk = Desk()
    seen: list[list[str]] = []

    def stand_still() -> None:
        desk.clock.elapsed_s += SILENT_AFTER_S + 1
        seen.append(desk.problems())

    desk.inner.check = stand_still  # type: ignore[method-assign]  # for this once
    desk.check()
    assert seen == [["no answer for 6 seconds"]]
    assert desk.problems() == []


def test_a_store_is_asked_only_when_it_was_silent() -> None:
    """Where users change, their saves tell."""
    desk = Desk()
    desk.clock.elapsed_s = 100.0
    desk.check_if_silent()
    assert desk.inner.checks == 1
    desk.save(U1)
    desk.clock.elapsed_s += CHECK_AFTER_S / 2
    desk.check_if_silent()
    assert desk.inner.checks == 1
    desk.clock.elapsed_s += CHECK_AFTER_S
    desk.inner.absent = True
    desk.check_if_silent()
    assert desk.problems() == ["nobody there"]
