"""An unstarted router, whose methods a test calls, with users that are addresses to read."""

from __future__ import annotations

import itertools
from random import Random
from typing import TYPE_CHECKING, Any

from actors.messages.inputs import AlarmStatusChanged, Delivery, SendDigest
from actors.messages.router import (
    CountLiveUsers,
    Passivated,
    RoomAvailable,
    RouteDeliveries,
    Tick,
    UserFailed,
)
from actors.messages.user import Passivate
from actors.ports import DeliveryToken
from actors.router.actor import RouterActor
from actors.rules.alarms import AlarmID, Severity, UserID
from actors.runtime.simulated import ManualClock
from actors.settings import CoreSettings
from actors.tally import CoreTally
from tests.doubles import IdleDispatcher, Inbox, RecordingAcknowledger, RecordingScheduler

if TYPE_CHECKING:
    from pykka import ActorRef


class NoJitter(Random):
    """Draws nothing but 0."""

    def random(self) -> float:
        """Return 0."""
        return 0.0


class RouterDesk:
    """An unstarted router whose users are addresses that a test reads."""

    def __init__(self, **settings: Any) -> None:
        """Set it up."""
        self.acknowledger, self.scheduler = RecordingAcknowledger(), RecordingScheduler()
        # Who has changed is due at the next tick; a test of the interval lowers it.
        self.acknowledger.fill = 1.0
        self.clock = ManualClock()
        self.checkpointer = Inbox()
        self.tally = CoreTally()
        self.spawned: list[UserID] = []
        self.users: dict[UserID, Inbox] = {}
        self.escalated: list[str] = []
        self._tokens = itertools.count(1)
        self.router = RouterActor(
            IdleDispatcher(),
            self.escalated.append,
            CoreSettings(retry_wait_initial_s=1.0, retry_wait_max_s=8.0, **settings),
            self.checkpointer.actor_ref,
            self.acknowledger,
            self.scheduler,
            self.clock,
            NoJitter(),
            self.tally,
        )
        self.router.spawn_users_with(self._spawn)
        self.tell = self.router.on_receive

    def send(self, *user_ids: UserID, request: UserID | None = None) -> list[Delivery]:
        """Have an event of each user, and a request, arrive in a batch; return the batch."""
        batch = []
        for user_id in user_ids:
            token = DeliveryToken(next(self._tokens))
            body = AlarmStatusChanged(user_id, AlarmID("a"), Severity.WARNING, 5)
            batch.append(Delivery(token, body))
        if request is not None:
            batch.append(Delivery(DeliveryToken(next(self._tokens)), SendDigest(request, None)))
        self.tell(RouteDeliveries(tuple(batch)))
        return batch

    def save_all(self) -> None:
        """Have a tick come, and room for all that are due by then."""
        self.tell(Tick())
        while self.checkpointer.take():
            self.tell(RoomAvailable())

    def taken(self, user_id: UserID) -> list[Any]:
        """Return what the user's actor was told since the last time."""
        return self.users[user_id].take()

    def ref(self, user_id: UserID) -> ActorRef[Any]:
        """Return the user's actor that was spawned last."""
        return self.users[user_id].actor_ref

    def live(self) -> Any:
        """Return how many users are in memory."""
        return self.tell(CountLiveUsers())

    def fail(self, user_id: UserID, culprit: Delivery | None, *returned: Delivery) -> None:
        """Have a user's actor crash and hand back, and what was scheduled before forgotten."""
        ref, token = self.ref(user_id), None if culprit is None else culprit.token
        self.tell(UserFailed(user_id, ref, token, "boom"))
        assert self.taken(user_id)[-1] == Passivate()
        self.scheduler.later.clear()
        self.tell(Passivated(user_id, ref, returned))

    def _spawn(self, user_id: UserID) -> ActorRef[Any]:
        self.spawned.append(user_id)
        self.users[user_id] = Inbox()
        return self.users[user_id].actor_ref
