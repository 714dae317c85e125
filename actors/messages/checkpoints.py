"""What those are told that save and load: checkpointer, recovery, store caller."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pykka import ActorRef

    from actors.ports import (
        Checkpoint,
        CheckpointUpdate,
        DeliveryToken,
        Postponed,
        SaveOutcome,
        Unreadable,
        Unsavable,
    )
    from actors.rules.alarms import UserID


class SaveCheckpoint(NamedTuple):
    """User actor to checkpointer. One at a time: the next only after the answer to this."""

    update: CheckpointUpdate
    tokens: tuple[DeliveryToken, ...]
    """Acknowledged once the update is durable."""
    reply_to: ActorRef[Any]


@dataclass(frozen=True, slots=True)
class CommitGroup:
    """Checkpointer to itself: write what has come together."""


class AwaitRoom(NamedTuple):
    """Router to checkpointer: say when less than a full group waits."""

    reply_to: ActorRef[Any]
    empty: bool = False
    """Or only when nothing waits any more, so that no large group comes together."""


@dataclass(frozen=True, slots=True)
class SaveGroup:
    """Checkpointer to store caller: save these."""

    number: int
    """Comes back with the answer."""
    updates: Sequence[CheckpointUpdate]
    reply_to: ActorRef[Any]


@dataclass(frozen=True, slots=True)
class GroupSaved:
    """Store caller to checkpointer: the call returned."""

    number: int
    outcomes: Sequence[SaveOutcome | Unsavable]
    """One an update, in order."""


@dataclass(frozen=True, slots=True)
class GroupNotSaved:
    """Store caller to checkpointer: the store is not available; what took effect is not known."""

    number: int
    error: str


CheckpointerMessage = SaveCheckpoint | CommitGroup | GroupSaved | GroupNotSaved | AwaitRoom


class RecoverUser(NamedTuple):
    """User actor to recovery: send me my checkpoint."""

    user_id: UserID
    reply_to: ActorRef[Any]


@dataclass(frozen=True, slots=True)
class LoadGroup:
    """Recovery to itself: load what has come together."""


@dataclass(frozen=True, slots=True)
class LoadUsers:
    """Recovery to store caller: load these; one such call at a time."""

    user_ids: Sequence[UserID]
    reply_to: ActorRef[Any]


@dataclass(frozen=True, slots=True)
class UsersLoaded:
    """Store caller to recovery: the call returned."""

    loaded: Mapping[UserID, Checkpoint | Unreadable | Postponed]
    """Those that were ever saved, and those that are to be asked for again."""


@dataclass(frozen=True, slots=True)
class UsersNotLoaded:
    """Store caller to recovery: the store is not available."""

    error: str


RecoveryMessage = RecoverUser | LoadGroup | UsersLoaded | UsersNotLoaded

StoreCallerMessage = SaveGroup | LoadUsers
