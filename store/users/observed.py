"""A checkpoint store that keeps a tally of another one's calls."""

from __future__ import annotations

import itertools
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Protocol

from actors.errors import StoreUnavailableError
from actors.ports import CheckpointStore, SaveOutcome
from store.tally import StoreTally

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from actors.ports import Checkpoint, CheckpointUpdate, Postponed, Unreadable, Unsavable
    from actors.rules.alarms import UserID
    from store.tally import CallTally

CHECK_AFTER_S = 5.0
"""A store that was not used for so long is asked whether it is there."""


class CheckableStore(CheckpointStore, Protocol):
    """A store that can be asked whether it is there."""

    async def check(self) -> None:
        """Return when it is; raises ``StoreUnavailableError``."""


class ObservedCheckpointStore:
    """Passes everything on, and notes how long it took and how it ended."""

    def __init__(
        self, store: CheckableStore, monotonic_s: Callable[[], float] = time.monotonic
    ) -> None:
        """Observe ``store``."""
        self._store = store
        self._monotonic_s = monotonic_s
        self._numbers = itertools.count()
        self.tally = StoreTally()

    async def load(
        self, user_ids: Sequence[UserID]
    ) -> Mapping[UserID, Checkpoint | Unreadable | Postponed]:
        """See ``CheckpointStore``."""
        with self._observed(self.tally.loads, len(user_ids)):
            return await self._store.load(user_ids)

    async def save(self, updates: Sequence[CheckpointUpdate]) -> Sequence[SaveOutcome | Unsavable]:
        """See ``CheckpointStore``."""
        with self._observed(self.tally.saves, len(updates)):
            outcomes = await self._store.save(updates)
        if (saved := outcomes.count(SaveOutcome.SAVED)) < len(outcomes):
            conflicts = outcomes.count(SaveOutcome.CONFLICTED)
            self.tally.conflicts += conflicts
            self.tally.refusals += len(outcomes) - saved - conflicts
        return outcomes

    async def check(self) -> None:
        """See ``CheckableStore``."""
        with self._observed(self.tally.checks, 0):
            await self._store.check()

    async def check_if_silent(self) -> None:
        """Check unless something was heard of late; never raises, the tally tells.

        So that a probe is answered from what is known, and MongoDB's absence shows while no user
        changes.
        """
        if self._monotonic_s() - self.tally.answered_at_s < CHECK_AFTER_S:
            return
        with suppress(StoreUnavailableError):
            await self.check()

    @contextmanager
    def _observed(self, call: CallTally, users: int) -> Iterator[None]:
        tally = self.tally
        number, began_s = next(self._numbers), self._monotonic_s()
        tally.under_way[number] = began_s
        try:
            yield
        except StoreUnavailableError as error:
            call.failures += 1
            call.failing = str(error)
            raise
        else:
            ended_s = self._monotonic_s()
            call.durations_s.observe(ended_s - began_s)
            call.users.observe(users)
            call.failing = None
            # Whoever can write can be read.
            tally.checks.failing = None
            if call is tally.saves:
                tally.loads.failing = None
            tally.answered_at_s, tally.answered_in_s = ended_s, ended_s - began_s
        finally:
            del tally.under_way[number]
