"""What the tests of single service actors share: a stage, probes, and ports that keep time."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Any

from actors.checkpoints.store_caller import StoreCaller
from actors.ports import CheckpointUpdate
from actors.rules.alarms import Alarm, AlarmID, Severity, UserID
from actors.rules.digest import Digest, DigestID, DigestItem
from actors.runtime.pooled import PooledActor
from actors.runtime.simulated import ManualClock, SimulatedDispatcher, run_to_the_end
from store.users.memory import PromptStore
from tests.doubles import FaultyStore, RecordingAcknowledger

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    import pytest
    from pykka import ActorRef

    from actors.errors import PublishFailedError
    from actors.ports import Checkpoint, DeliveryToken, SaveOutcome, Unreadable, Unsavable

SILENCE_S = 1000.0
"""Longer than any wait in these tests."""


class Stage:
    """A clock and a dispatcher on which a test steps its actors, and what they escalated."""

    def __init__(self) -> None:
        """Set an empty stage."""
        self.clock = ManualClock()
        self.dispatcher = SimulatedDispatcher(Random(1), self.clock)
        self.escalated: list[str] = []

    def settle(self) -> None:
        """Run the actors to rest; the clock stands still."""
        self.dispatcher.run_until_idle()

    def caller(self, store: FaultyStore) -> ActorRef[StoreCaller]:
        """Return who calls ``store`` for actors."""
        prompt = PromptStore(store)
        return StoreCaller.start(self.dispatcher, self.escalated.append, prompt, run_to_the_end)

    def probe(self) -> Probe:
        """Return a started probe."""
        probe = Probe(self.dispatcher)
        probe.begin()
        return probe

    def tell(self, ref: ActorRef[Any], message: object) -> None:
        """Tell an actor a message, then run to rest."""
        ref.tell(message)
        self.settle()


class Probe(PooledActor):
    """A running actor that keeps what it is told."""

    registered = False

    def __init__(self, dispatcher: SimulatedDispatcher) -> None:
        """Create it, unstarted."""
        super().__init__(dispatcher)
        self.received: list[object] = []

    def on_receive(self, message: object) -> None:
        """Keep the message."""
        self.received.append(message)


class TimedStore(FaultyStore):
    """A store with faults on demand that notes when it was asked for whom."""

    def __init__(self, clock: ManualClock) -> None:
        """Create an empty store that does not fail."""
        super().__init__()
        self._clock = clock
        self.load_calls: list[tuple[float, list[UserID]]] = []
        self.save_calls: list[tuple[float, list[UserID]]] = []
        self.journal: list[object] = []
        """Users whose save returned, and what a ``JournalingAcknowledger`` adds."""

    def load(self, user_ids: Sequence[UserID]) -> Mapping[UserID, Checkpoint | Unreadable]:
        """See ``CheckpointStore``."""
        self.load_calls.append((self._clock.monotonic_s(), list(user_ids)))
        return super().load(user_ids)

    def save(self, updates: Sequence[CheckpointUpdate]) -> Sequence[SaveOutcome | Unsavable]:
        """See ``CheckpointStore``."""
        user_ids = [update.user_id for update in updates]
        self.save_calls.append((self._clock.monotonic_s(), user_ids))
        outcomes = super().save(updates)
        self.journal.extend(user_ids)
        return outcomes

    def saved_groups(self) -> list[list[UserID]]:
        """Return the users of each save that was tried."""
        return [user_ids for _, user_ids in self.save_calls]


class JournalingAcknowledger(RecordingAcknowledger):
    """Notes what was acknowledged in a journal too, among what else happened."""

    def __init__(self, journal: list[object]) -> None:
        """Write into ``journal``."""
        super().__init__()
        self._journal = journal

    def acknowledge(self, tokens: Iterable[DeliveryToken]) -> None:
        """See ``Acknowledger``."""
        tokens = list(tokens)
        self._journal.extend(tokens)
        super().acknowledge(tokens)


class Press:
    """A ``DigestPublisher`` whose attempts end when the test says so."""

    def __init__(self, clock: ManualClock) -> None:
        """Open an idle one."""
        self._clock = clock
        self.attempts: list[tuple[float, tuple[Digest, ...]]] = []
        self._unsettled: list[Callable[[PublishFailedError | None], None]] = []

    def publish(
        self, digests: Sequence[Digest], settled: Callable[[PublishFailedError | None], None]
    ) -> None:
        """See ``DigestPublisher``."""
        self.attempts.append((self._clock.monotonic_s(), tuple(digests)))
        self._unsettled.append(settled)

    def end(self, error: PublishFailedError | None = None) -> None:
        """End the earliest attempt that is under way."""
        self._unsettled.pop(0)(error)


def update(user: str, base_version: int = 0) -> CheckpointUpdate:
    """Return a save of one alarm."""
    alarm = Alarm(Severity.WARNING, 1, Severity.CLEARED, None, news=True, heard_at_s=1)
    return CheckpointUpdate(UserID(user), base_version, {AlarmID("a1"): alarm}, None)


def digest(digest_id: str, *, empty: bool = False) -> Digest:
    """Return a digest of one alarm for u1, or of none."""
    item = DigestItem(AlarmID("a1"), Severity.WARNING, 1)
    return Digest(DigestID(digest_id), UserID("u1"), () if empty else (item,))


def fields(caplog: pytest.LogCaptureFixture, event: str) -> list[dict[str, Any]]:
    """Return the fields of each record of an event, its level and logger among them."""
    return [vars(record) for record in caplog.records if record.getMessage() == event]
