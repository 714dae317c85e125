"""What the core needs from outside, as roles. Adapters live in ``bus`` and ``store``."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, auto
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple, NewType, Protocol

from actors.rules.digest import NEVER_TOLD

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from actors.errors import PublishFailedError
    from actors.rejections import Rejection
    from actors.rules.alarms import Alarm, AlarmID, UserID
    from actors.rules.digest import Cursor, Digest
    from actors.rules.ends import Stretch
    from actors.rules.partitions import (
        HomePosition,
        HomesView,
        InHand,
        Instance,
        InstanceID,
        Partition,
    )
    from actors.rules.positions import Place

DeliveryToken = NewType("DeliveryToken", int)
"""Names a message taken from the bus until it is settled; never used twice in a process."""


NOTHING_BEYOND: Mapping[AlarmID, tuple[object, ...]] = MappingProxyType({})
"""Nearly always: one object for all users."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A user as it was last saved."""

    version: int
    """Saves so far; 0 for a user that was never saved."""
    alarms: Mapping[AlarmID, Alarm]
    cursor: Cursor
    beyond: Mapping[AlarmID, tuple[object, ...]] = field(default_factory=lambda: NOTHING_BEYOND)
    """What a newer version keeps of alarms beside, unknown here: an update hands it back."""


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
    beyond: Mapping[AlarmID, tuple[object, ...]] = NOTHING_BEYOND
    """Of the changed alarms, as the checkpoint had it."""


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
    newer: bool = False
    """A newer version has written it, and can read it: nothing is wrong with it."""


class Postponed(Enum):
    """Was not looked at, as those that were have many alarms: to be asked for again."""

    POSTPONED = auto()


class CheckpointStore(Protocol):
    """Keeps one checkpoint a user. Several calls may be under way at a time."""

    async def load(
        self, user_ids: Sequence[UserID]
    ) -> Mapping[UserID, Checkpoint | Unreadable | Postponed]:
        """Return the users that were saved; those that never were are absent.

        Of one user at least it is told how it is: memory bounds how many are looked at. Raises
        ``StoreUnavailableError``.
        """

    async def save(self, updates: Sequence[CheckpointUpdate]) -> Sequence[SaveOutcome | Unsavable]:
        """Save durably (majority, journaled), each user by itself; one outcome an update, in order.

        No user may appear twice. Raises ``StoreUnavailableError``, after which any of the
        updates may or may not have taken effect.
        """


class DigestPublisher(Protocol):
    """Publishes digests. Never blocks."""

    def publish(
        self, digests: Sequence[Digest], settled: Callable[[PublishFailedError | None], None]
    ) -> None:
        """Publish in order, each under its digest's id, then call ``settled`` once.

        ``settled(None)`` when the stream has all of them, else with the first reason.
        """


class Acknowledger(Protocol):
    """Settles messages taken from the bus. Never blocks; tokens already settled are ignored."""

    @property
    def fill(self) -> float:
        """The share, from 0 to 1, that is taken of what may be taken and not settled."""

    def acknowledge(self, tokens: Iterable[DeliveryToken]) -> None:
        """Note that these are done with: what came of them is durable."""

    def dead_letter(self, tokens: Iterable[DeliveryToken], rejection: Rejection) -> None:
        """Put these aside with a reason, then note that they are done with."""


class HomeStore(Protocol):
    """Keeps who is up, and which partition is whose. Several calls may be under way at a time.

    Every call ends within a deadline of the adapter's. Raises ``StoreUnavailableError``, after
    which what was written may or may not have taken effect: a look tells.
    """

    async def beat(self, instance: Instance) -> None:
        """Store an instance as it describes itself, durably."""

    async def look(self) -> HomesView:
        """Return what is durable, as of a moment behind the call's begin."""

    async def claim(self, me: InstanceID, wanted: Sequence[Partition]) -> None:
        """Make each of ``wanted`` mine at the next epoch, if it is still as ``wanted`` has it.

        By home and epoch. Of one that was not mine the ends are stored as ``wanted`` has them.
        """

    async def save_positions(self, me: InstanceID, positions: Sequence[HomePosition]) -> int:
        """Save how far partitions of mine are, never lower than they stand.

        Returns how many stand so; of one that does not, I am not the home any more, or a later
        save of mine was faster.
        """

    async def note_in_hand(self, me: InstanceID, notes: Sequence[InHand]) -> int:
        """Store what is in hand of partitions of mine, and return how many stand so."""

    async def lower(self, me: InstanceID, positions: Sequence[HomePosition]) -> None:
        """Set partitions of mine back, at the next epoch; they stay mine.

        The one way in which a position falls, so that a late ``save_positions`` is refused.
        """

    async def free(self, me: InstanceID, positions: Sequence[HomePosition]) -> None:
        """Save how far partitions of mine are and make them nobody's, at the next epoch."""

    async def forget(self, instances: Sequence[InstanceID]) -> None:
        """Remove instances; what they have stays as it is."""


class Notes(Protocol):
    """Notes what is in hand of partitions that are read carefully. Never blocks."""

    @property
    def max_attempts(self) -> int:
        """How many homes a message may end until it becomes a dead letter."""

    def note(
        self, in_hand: Mapping[int, Stretch | None], noted: Callable[[], None], *, over: bool
    ) -> None:
        """Store it, however often that takes, then call ``noted``; see ``InHand``.

        But for partitions that are not at home here any more, of which nothing is read.
        """


class LogReading(Protocol):
    """Reads the log for the partitions that are at home here. Never blocks."""

    @property
    def able(self) -> bool:
        """Whether the log can be read now, as far as is known."""

    def note_with(self, notes: Notes) -> None:
        """Read carefully what is doubtful, from here on; before, nothing is."""

    def gain(self, partitions: Sequence[Partition]) -> None:
        """Begin to read these, each from its position."""

    def stop(self, numbers: Iterable[int]) -> None:
        """Read no more of these; what is in flight of them stays until it is settled."""

    def drop(self, numbers: Iterable[int]) -> None:
        """Forget these, and what is in flight of them."""

    def positions(self) -> Mapping[int, Place]:
        """Return how far each partition is that was gained and not dropped."""

    def unsettled(self, number: int) -> int:
        """Return how many messages of a partition are taken and not settled."""


class Nudging(Protocol):
    """Tells the other instances that something has changed. Never blocks; may be lost."""

    def nudge(self) -> None:
        """Have the others look soon."""


class Clock(Protocol):
    """Time as the core sees it."""

    def monotonic_s(self) -> float:
        """Seconds since some fixed moment; never goes back."""

    def wall_s(self) -> int:
        """Whole seconds since 1970."""
