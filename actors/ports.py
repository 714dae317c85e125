"""What the core needs from outside, as roles. Adapters live in ``bus`` and ``store``."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING, NamedTuple, NewType, Protocol

from actors.rules.digest import NEVER_TOLD

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from actors.errors import PublishFailedError
    from actors.rejections import Rejection
    from actors.rules.alarms import Alarm, AlarmID, UserID
    from actors.rules.digest import Cursor, Digest

DeliveryToken = NewType("DeliveryToken", int)
"""Names a message taken from the bus until it is settled; never used twice in a process."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A user as it was last saved."""

    version: int
    """Saves so far; 0 for a user that was never saved."""
    alarms: Mapping[AlarmID, Alarm]
    cursor: Cursor


NEVER_SAVED = Checkpoint(0, {}, NEVER_TOLD)
"""Stands for a user of whom nothing is stored."""


class CheckpointUpdate(NamedTuple):
    """A compare-and-set on one user: what changed since ``base_version``."""

    user_id: UserID
    base_version: int
    """The save succeeds only on this version, and makes it one greater; 0 creates the user."""
    alarms: Mapping[AlarmID, Alarm | None]
    """The changed alarms; None removes one."""
    cursor: Cursor | None
    """None when it did not change."""


class SaveOutcome(Enum):
    """What became of one update of a group."""

    SAVED = auto()
    CONFLICTED = auto()
    """The user stands at another version: somebody else saved it."""


@dataclass(frozen=True, slots=True)
class Unsavable:
    """The store refuses this update for good, and says why."""

    reason: str


@dataclass(frozen=True, slots=True)
class Unreadable:
    """What is stored of this user cannot be read, and why."""

    reason: str


class CheckpointStore(Protocol):
    """Keeps one checkpoint a user. Several calls may be under way at a time."""

    async def load(self, user_ids: Sequence[UserID]) -> Mapping[UserID, Checkpoint | Unreadable]:
        """Return the users that were saved; those that never were are absent.

        Raises ``StoreUnavailableError``.
        """

    async def save(self, updates: Sequence[CheckpointUpdate]) -> Sequence[SaveOutcome | Unsavable]:
        """Save durably (majority, journaled), each user by itself; one outcome an update, in order.

        No user may appear twice. Raises ``StoreUnavailableError``, after which any of the
        updates may or may not have taken effect.
        """


class DigestPublisher(Protocol):
    """Publishes digests. Never blocks; called from a dispatcher's thread."""

    def publish(self, digest: Digest, settled: Callable[[PublishFailedError | None], None]) -> None:
        """Publish under the digest's id, then call ``settled`` once, on any thread.

        ``settled(None)`` when the stream has it, else with the reason.
        """


class Acknowledger(Protocol):
    """Settles messages taken from the bus. Never blocks; tokens already settled are ignored."""

    def acknowledge(self, tokens: Iterable[DeliveryToken]) -> None:
        """Tell the broker that these are done with."""

    def dead_letter(self, tokens: Iterable[DeliveryToken], rejection: Rejection) -> None:
        """Put these aside with a reason, then tell the broker that they are done with."""


class Clock(Protocol):
    """Time as the core sees it."""

    def monotonic_s(self) -> float:
        """Seconds since some fixed moment; never goes back."""

    def wall_s(self) -> int:
        """Whole seconds since 1970."""
