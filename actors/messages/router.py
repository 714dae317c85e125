"""What the router is told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from pykka import ActorRef

    from actors.messages.inputs import Delivery
    from actors.ports import DeliveryToken
    from actors.rules.alarms import UserID


@dataclass(frozen=True, slots=True)
class RouteDeliveries:
    """Bus, or router by its timer, to router: messages in the order of the log."""

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


class AlarmsCounted(NamedTuple):
    """User actor to router, loaded or saved: I have more alarms than a share, or no longer."""

    user_id: UserID
    ref: ActorRef[Any]
    beyond: int
    """How many more. The share is ``CoreSettings.alarm_share``: few users ever send this."""


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
class ResumeUser:
    """Timer to router: try again with the mail of a user whose actor crashed."""

    user_id: UserID


@dataclass(frozen=True, slots=True)
class EmptyPartitions:
    """Home to router: have the users of partitions saved, told what they are owed, and leave.

    Nothing comes for them any more. ``PartitionEmptied`` is told of each once all its have left.
    """

    numbers: frozenset[int]
    reply_to: ActorRef[Any]


@dataclass(frozen=True, slots=True)
class DropPartitions:
    """Home to router: forget the users of these partitions, whatever they hold, without a word."""

    numbers: frozenset[int]


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
    RouteDeliveries
    | Tick
    | RoomAvailable
    | CheckpointWanted
    | AlarmsCounted
    | UserFailed
    | ResumeUser
    | Passivated
    | PassivationDeclined
    | EmptyPartitions
    | DropPartitions
    | CountLiveUsers
    | FindLiveUsers
)
