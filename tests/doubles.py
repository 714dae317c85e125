"""Typed fakes of the core's ports, for what the shipped twins do not do on demand."""

from __future__ import annotations

from enum import Enum, auto
from typing import TYPE_CHECKING, Any

from actors.errors import StoreUnavailableError
from actors.ports import Unreadable, Unsavable
from actors.rules.digest import DigestID
from actors.runtime.pooled import Dispatcher, PooledActor
from store.users.memory import InMemoryCheckpointStore

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from logging import LogRecord

    from pykka import ActorRef

    from actors.ports import Checkpoint, CheckpointUpdate, DeliveryToken, SaveOutcome
    from actors.rejections import Rejection, RejectionKind
    from actors.rules.alarms import UserID
    from actors.runtime.pooled import Mailbox


class IdleDispatcher(Dispatcher):
    """A ``Dispatcher`` that runs nothing and notes whom it should have run."""

    def __init__(self) -> None:
        """Note nothing yet."""
        self.wake_ups: list[tuple[Mailbox, ...]] = []

    def mail_arrived(self, mailbox: Mailbox) -> None:
        """Note it."""
        self.wake_ups.append((mailbox,))

    def all_mail_arrived(self, mailboxes: Sequence[Mailbox]) -> None:
        """Note them."""
        self.wake_ups.append(tuple(mailboxes))


class Inbox(PooledActor):
    """An address: keeps what it is told until a test takes it."""

    registered = False

    def __init__(self) -> None:
        """Open it, unstarted."""
        super().__init__(IdleDispatcher())

    def take(self) -> list[Any]:
        """Return what it was told since the last time, in order."""
        mail, self.mailbox.mail[:] = list(self.mailbox.mail), []
        return mail


class RecordingScheduler:
    """A ``Scheduler`` that sends nothing and notes what it should send when."""

    def __init__(self) -> None:
        """Note nothing yet."""
        self.later: list[tuple[float, object]] = []

    def tell_after(self, delay_s: float, ref: ActorRef[Any], message: object) -> None:
        """Note it."""
        del ref
        self.later.append((delay_s, message))


class RecordingAcknowledger:
    """An ``Acknowledger`` that notes what was settled, and how."""

    def __init__(self) -> None:
        """Note nothing yet."""
        self.acknowledged: list[DeliveryToken] = []
        self.dead: list[tuple[DeliveryToken, str]] = []
        self.kinds: list[RejectionKind] = []
        self.fill = 0.0

    def acknowledge(self, tokens: Iterable[DeliveryToken]) -> None:
        """Note them."""
        self.acknowledged.extend(tokens)

    def dead_letter(self, tokens: Iterable[DeliveryToken], rejection: Rejection) -> None:
        """Note them with the reason, and its kind apart."""
        for token in tokens:
            self.dead.append((token, rejection.reason))
            self.kinds.append(rejection.kind)


class NumberedIds:
    """Makes digest ids d1, d2, …, or crashes while ``broken``."""

    def __init__(self) -> None:
        """Start at 1."""
        self.broken = False
        self._last = 0

    def __call__(self) -> DigestID:
        """Return the next."""
        if self.broken:
            raise ArithmeticError("no id today")
        self._last += 1
        return DigestID(f"d{self._last}")


class SaveFault(Enum):
    """How a save fails."""

    BEFORE_IT_TOOK_EFFECT = auto()
    AFTER_IT_TOOK_EFFECT = auto()


class FaultyStore:
    """The store's twin, with faults on demand; notes what it was asked."""

    def __init__(self, inner: InMemoryCheckpointStore | None = None) -> None:
        """Work without a fault, on a store of its own or on ``inner``."""
        self.inner = inner or InMemoryCheckpointStore()
        self.loads: list[list[UserID]] = []
        self.groups: list[list[CheckpointUpdate]] = []
        self.load_faults = 0
        """So many loads to come fail."""
        self.save_faults: list[SaveFault] = []
        """How the saves to come fail."""
        self.crash: Exception | None = None
        """What saves raise that no store should."""
        self.refused: dict[UserID, str] = {}
        self.unreadable: dict[UserID, str] = {}
        self.newer = False

    def load(self, user_ids: Sequence[UserID]) -> Mapping[UserID, Checkpoint | Unreadable]:
        """See ``CheckpointStore``."""
        self.loads.append(list(user_ids))
        if self.load_faults:
            self.load_faults -= 1
            raise StoreUnavailableError("no primary")
        found = dict(self.inner.load(user_ids))
        for user_id in set(user_ids) & set(self.unreadable):
            found[user_id] = Unreadable(self.unreadable[user_id], newer=self.newer)
        return found

    def save(self, updates: Sequence[CheckpointUpdate]) -> Sequence[SaveOutcome | Unsavable]:
        """See ``CheckpointStore``."""
        self.groups.append(list(updates))
        if self.crash is not None:
            raise self.crash
        fault = self.save_faults.pop(0) if self.save_faults else None
        if fault is SaveFault.BEFORE_IT_TOOK_EFFECT:
            raise StoreUnavailableError("no primary")
        outcomes = [self._save(update) for update in updates]
        if fault is SaveFault.AFTER_IT_TOOK_EFFECT:
            raise StoreUnavailableError("no answer")
        return outcomes

    def saves_of(self, user_id: UserID) -> int:
        """Return how often a save of this user was tried."""
        return sum(update.user_id == user_id for group in self.groups for update in group)

    def _save(self, update: CheckpointUpdate) -> SaveOutcome | Unsavable:
        reason = self.refused.get(update.user_id)
        if reason is not None:
            return Unsavable(reason)
        [outcome] = self.inner.save([update])
        return outcome


def logged(records: Iterable[LogRecord], logger: str) -> list[tuple[str, str]]:
    """Return level and event name of what a logger logged, in order."""
    return [(record.levelname, record.msg) for record in records if record.name == logger]
