"""The observed store: what goes through it unchanged, and what it notes."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from actors.alarms import UserID
from actors.errors import StoreUnavailableError
from actors.ports import CheckpointUpdate, SaveOutcome
from actors.simulation import ManualClock
from store.observed import CHECK_AFTER_S, ObservedCheckpointStore, StoreWatch
from store.tally import SILENT_AFTER_S
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
        self.asked = threading.Event()
        self.absent = False

    def save(self, updates: Sequence[CheckpointUpdate]) -> Sequence[SaveOutcome | Unsavable]:
        """See ``CheckpointStore``."""
        self._clock.elapsed_s += self.takes_s
        return super().save(updates)

    def check(self) -> None:
        """Be there, or not."""
        self.checks += 1
        self.asked.set()
        if self.absent:
            raise StoreUnavailableError("nobody there")


class Desk:
    """An observed store and its clock."""

    def __init__(self) -> None:
        """Set it up."""
        self.clock = ManualClock()
        self.inner = SlowStore(self.clock)
        self.store = ObservedCheckpointStore(self.inner, self.clock.monotonic_s)
        self.tally = self.store.tally

    def save(self, *user_ids: UserID, base_version: int = 0) -> list[object]:
        """Save users."""
        updates = [CheckpointUpdate(user_id, base_version, {}, None) for user_id in user_ids]
        return list(self.store.save(updates))

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
    assert desk.store.load([U1]).keys() == {U1}
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
    desk.store.load([U1])
    desk.store.check()
    assert desk.problems() == ["no primary"]
    desk.save(U1)
    assert desk.problems() == []
    assert desk.tally.saves.failures == 1


def test_a_save_that_succeeds_proves_everything() -> None:
    """Whoever can write can read."""
    desk = Desk()
    desk.inner.load_faults = 1
    desk.inner.absent = True
    for ask in (lambda: desk.store.load([U1]), desk.store.check):
        with pytest.raises(StoreUnavailableError):
            ask()
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
    desk.store.check()
    assert seen == [["no answer for 6 seconds"]]
    assert desk.problems() == []


def test_a_store_is_asked_only_when_it_was_silent() -> None:
    """Where users change, their saves tell."""
    desk = Desk()
    desk.clock.elapsed_s = 100.0
    desk.store.check_if_silent()
    assert desk.inner.checks == 1
    desk.save(U1)
    desk.clock.elapsed_s += CHECK_AFTER_S / 2
    desk.store.check_if_silent()
    assert desk.inner.checks == 1
    desk.clock.elapsed_s += CHECK_AFTER_S
    desk.inner.absent = True
    desk.store.check_if_silent()
    assert desk.problems() == ["nobody there"]


def test_the_watch_asks_by_itself_and_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a thread of its own, which is gone afterwards."""
    monkeypatch.setattr("store.observed.CHECK_AFTER_S", 0.002)
    desk = Desk()
    desk.clock.elapsed_s = 100.0
    watch = StoreWatch(desk.store)
    watch.start()
    try:
        assert desk.inner.asked.wait(10)
    finally:
        watch.stop(10)
