"""What a user actor is told, and what it may be asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from actors.runtime.sliced import GoOn

if TYPE_CHECKING:
    from actors.messages.inputs import Delivery
    from actors.ports import Checkpoint
    from actors.rules.digest import DigestID


class HandleDeliveries(NamedTuple):
    """Router to user actor: its messages, in order."""

    items: tuple[Delivery, ...]


@dataclass(frozen=True, slots=True)
class TakeCheckpoint:
    """Router to user actor: save what is unsaved, there is room for it."""


@dataclass(frozen=True, slots=True)
class Passivate:
    """Router to user actor: leave memory if nothing is unsaved or owed."""


@dataclass(frozen=True, slots=True)
class Finish:
    """Router to user actor: save, tell what is owed, and leave as soon as nothing is left."""


@dataclass(frozen=True, slots=True)
class Leave:
    """Router to user actor: the user is not at home here any more; stop, and say nothing."""


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
class OutboxPublished:
    """Publisher to user actor: the stream has every digest of the outbox that begins with this."""

    digest_id: DigestID


UserMessage = (
    HandleDeliveries
    | GoOn
    | TakeCheckpoint
    | Passivate
    | Finish
    | Leave
    | Recovered
    | RecoveryFailed
    | Checkpointed
    | CheckpointConflicted
    | CheckpointRefused
    | OutboxPublished
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
