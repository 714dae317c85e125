"""What actors tell each other: commands imperative, events past tense, all immutable.

Those that are made for every message from the broker or every save are named tuples: a frozen
dataclass costs three times as much to construct.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pykka import ActorRef

    from actors.errors import PublishFailedError
    from actors.ports import (
        Checkpoint,
        CheckpointUpdate,
        DeliveryToken,
        SaveOutcome,
        Unreadable,
        Unsavable,
    )
    from actors.rules.alarms import AlarmID, Severity, UserID
    from actors.rules.digest import Digest, DigestID, RequestID


class AlarmStatusChanged(NamedTuple):
    """An alarm of a user changed its status."""

    user_id: UserID
    alarm_id: AlarmID
    severity: Severity
    changed_at_ns: int


class SendDigest(NamedTuple):
    """The user is to be told."""

    user_id: UserID
    request_id: RequestID | None
    """The same when the broker delivers the request again; None where it never does."""
    taken_at_s: float = 0.0
    """When it came into this process, by ``Clock.monotonic_s``."""
    traceparent: str | None = None
    """The trace context that it bears, for the digest to bear on."""


class Delivery(NamedTuple):
    """A message from the bus, until it is settled."""

    token: DeliveryToken
    body: AlarmStatusChanged | SendDigest
    attempt: int = 1
    """How often it was tried in this process; more than once only after a crash."""


@dataclass(frozen=True, slots=True)
class Deliveries:
    """Bus or router to router: messages in the order of the stream."""

    items: tuple[Delivery, ...]


@dataclass(frozen=True, slots=True)
class Tick:
    """Timer to router: see who is to be saved, and who is to leave."""


@dataclass(frozen=True, slots=True)
class RoomAvailable:
    """Checkpointer to router: the answer to ``AwaitRoom``."""


class CheckpointWanted(NamedTuple):
    """User actor to router: something changed by itself, have me save with the next group."""

    user_id: UserID
    ref: ActorRef[Any]


@dataclass(frozen=True, slots=True)
class UserFailed:
    """User actor to router: handling crashed; the actor only collects its mail from here on."""

    user_id: UserID
    ref: ActorRef[Any]
    culprit: DeliveryToken | None
    """The message whose handling crashed; None when it was none in particular."""
    reason: str


@dataclass(frozen=True, slots=True)
class Passivated:
    """User actor to router: the answer to ``Passivate``; the actor has stopped."""

    user_id: UserID
    ref: ActorRef[Any]
    returned: tuple[Delivery, ...]
    """What it had not settled, in order; empty unless it failed."""


@dataclass(frozen=True, slots=True)
class PassivationDeclined:
    """User actor to router: the answer to ``Passivate`` while something is unsaved or owed."""

    user_id: UserID
    ref: ActorRef[Any]


@dataclass(frozen=True, slots=True)
class CountLiveUsers:
    """Anyone to router, with ``ask``: how many user actors are in memory?"""


@dataclass(frozen=True, slots=True)
class FindLiveUsers:
    """Anyone to router, with ``ask``: where are these users' actors?

    Answered with (user id, reference) of those in memory.
    """

    user_ids: tuple[UserID, ...] | None
    """None for those used last, the latest first."""
    limit: int
    """So many at the most."""


RouterMessage = (
    Deliveries
    | Tick
    | RoomAvailable
    | CheckpointWanted
    | UserFailed
    | Passivated
    | PassivationDeclined
    | CountLiveUsers
    | FindLiveUsers
)


class Deliver(NamedTuple):
    """Router to user actor: its messages, in order."""

    items: tuple[Delivery, ...]


@dataclass(frozen=True, slots=True)
class TakeCheckpoint:
    """Router to user actor: save what is unsaved, there is room for it."""


@dataclass(frozen=True, slots=True)
class Passivate:
    """Router to user actor: leave memory if nothing is unsaved or owed."""


class Recovered(NamedTuple):
    """Recovery to user actor: its checkpoint."""

    checkpoint: Checkpoint


@dataclass(frozen=True, slots=True)
class RecoveryFailed:
    """Recovery to user actor: what is stored of it cannot be read."""

    reason: str


@dataclass(frozen=True, slots=True)
class Checkpointed:
    """Checkpointer to user actor: the save in flight is durable, its messages acknowledged."""


@dataclass(frozen=True, slots=True)
class CheckpointConflicted:
    """Checkpointer to user actor: somebody else saved this user; nothing of the save took effect.

    Except where the same save, tried before without a known end, had taken effect.
    """


@dataclass(frozen=True, slots=True)
class CheckpointRefused:
    """Checkpointer to user actor: the store will never take this save."""

    reason: str


@dataclass(frozen=True, slots=True)
class DigestPublished:
    """Publisher to user actor: the stream has the digest."""

    digest_id: DigestID


UserMessage = (
    Deliver
    | TakeCheckpoint
    | Passivate
    | Recovered
    | RecoveryFailed
    | Checkpointed
    | CheckpointConflicted
    | CheckpointRefused
    | DigestPublished
)


@dataclass(frozen=True, slots=True)
class ShowState:
    """Anyone to user actor, with ``ask``: what do you know?

    Answered with ``LiveState``; with None while it is loading its checkpoint, or has failed.
    """


@dataclass(frozen=True, slots=True)
class LiveState:
    """A user actor's answer to ``ShowState``: itself, as it would be saved."""

    checkpoint: Checkpoint
    unsaved: int
    """Messages that it holds and that are not in a checkpoint yet."""


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

    loaded: Mapping[UserID, Checkpoint | Unreadable]
    """Those that were ever saved."""


@dataclass(frozen=True, slots=True)
class UsersNotLoaded:
    """Store caller to recovery: the store is not available."""

    error: str


RecoveryMessage = RecoverUser | LoadGroup | UsersLoaded | UsersNotLoaded

StoreCallerMessage = SaveGroup | LoadUsers


class PublishDigest(NamedTuple):
    """User actor to publisher: the digest's outbox entry is durable, publish it."""

    digest: Digest
    reply_to: ActorRef[Any]


@dataclass(frozen=True, slots=True)
class RetryPublish:
    """Timer to publisher: try again."""

    digest_id: DigestID


@dataclass(frozen=True, slots=True)
class PublishSettled:
    """Bus to publisher: how an attempt ended."""

    digest_id: DigestID
    error: PublishFailedError | None


PublisherMessage = PublishDigest | RetryPublish | PublishSettled
