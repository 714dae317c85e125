"""What all user actors share, and the phases of their lives."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, auto
from typing import TYPE_CHECKING, Any

from actors.messages.router import AlarmsCounted
from actors.runtime.pooled import tell_if_alive
from actors.settings import ALARMS_A_USER
from actors.tally import CoreTally
from actors.user.ids import SharedIds

if TYPE_CHECKING:
    from collections.abc import Callable

    from pykka import ActorRef

    from actors.ports import Acknowledger, Clock
    from actors.rules.alarms import Retention, UserID
    from actors.rules.digest import DigestID
    from actors.settings import CoreSettings


class UnreadableCheckpointError(Exception):
    """Raised when what is stored of a user cannot be read."""


class Phase(Enum):
    """Where a user actor is in its life."""

    RECOVERING = auto()
    ACTIVE = auto()
    WORKING = auto()
    """On what takes more than a turn: mail waits."""
    FAILED = auto()


@dataclass(frozen=True, slots=True)
class UserContext:
    """What all user actors share."""

    settings: CoreSettings
    router: ActorRef[Any]
    checkpointer: ActorRef[Any]
    urgent_checkpointer: ActorRef[Any]
    """For what somebody waits for."""
    recovery: ActorRef[Any]
    publisher: ActorRef[Any]
    acknowledger: Acknowledger
    clock: Clock
    new_digest_id: Callable[[], DigestID]

    retention: Retention
    tally: CoreTally = field(default_factory=CoreTally)
    ids: SharedIds = field(default_factory=SharedIds)
    alarm_share: int = ALARMS_A_USER
    """Who has more alarms counts for more than a user."""

    def tell_of_alarms(self, user_id: UserID, ref: ActorRef[Any], beyond: int) -> None:
        """Tell the router how many alarms a user has beyond its share."""
        tell_if_alive(self.router, AlarmsCounted(user_id, ref, beyond))
