"""RouterActor: the directory of live users; spawns, feeds, paces and retires their actors."""

from __future__ import annotations

import logging
from collections import OrderedDict, deque
from dataclasses import dataclass, field
from itertools import islice
from math import inf
from typing import TYPE_CHECKING, Any, TypeAlias, assert_never

from actors.messages import (
    AwaitRoom,
    CheckpointWanted,
    CountLiveUsers,
    Deliver,
    Deliveries,
    Delivery,
    FindLiveUsers,
    Passivate,
    Passivated,
    PassivationDeclined,
    RoomAvailable,
    RouterMessage,
    SendDigest,
    TakeCheckpoint,
    Tick,
    UserFailed,
)
from actors.rejections import Rejection, RejectionKind
from actors.runtime.pooled import tell_each, tell_if_alive
from actors.runtime.supervision import ServiceActor
from actors.runtime.tuples import new_tuple
from actors.tally import CoreTally

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from random import Random

    from pykka import ActorRef

    from actors.ports import Acknowledger, Clock
    from actors.rules.alarms import UserID
    from actors.runtime.pooled import Dispatcher, Scheduler
    from actors.settings import CoreSettings

logger = logging.getLogger("actors.router")

TICKS_PER_INTERVAL = 8
"""Of a checkpoint interval: the saves of a moment make a group, and no tick has many."""

PASSIVATIONS_PER_TICK = 250
"""Idle users, and users in excess, asked to passivate at one tick, so that it stays short."""

_TAKE_CHECKPOINT = TakeCheckpoint()


@dataclass(slots=True)
class _Live:
    """A user actor that takes mail."""

    ref: ActorRef[Any]
    used_at_s: float
    save_told_at_s: float = -inf
    to_save: bool = False
    """It was sent mail since it was told to save."""


@dataclass(slots=True)
class _Leaving:
    """A user actor that was asked to passivate; its mail waits here for the answer.

    In Pykka a message behind a stop is dropped without a word, hence the handshake.
    """

    ref: ActorRef[Any]
    waiting: list[Delivery] = field(default_factory=list)
    failure: UserFailed | None = None


Found: TypeAlias = "tuple[tuple[UserID, ActorRef[Any]], ...]"
"""The answer to ``FindLiveUsers``."""


class RouterActor(ServiceActor):
    """Forwards deliveries to one actor a user, in order; bounds how many of those live."""

    def __init__(
        self,
        dispatcher: Dispatcher,
        escalate: Callable[[str], None],
        settings: CoreSettings,
        checkpointer: ActorRef[Any],
        acknowledger: Acknowledger,
        scheduler: Scheduler,
        clock: Clock,
        random: Random,
        tally: CoreTally | None = None,
    ) -> None:
        """Create the router, unstarted; ``spawn_users_with`` completes it."""
        super().__init__(dispatcher, escalate)
        self._settings = settings
        self._checkpointer = checkpointer
        self._acknowledger = acknowledger
        self._scheduler = scheduler
        self._clock = clock
        self._random = random
        self._tally = tally or CoreTally()
        self._spawn: Callable[[UserID], ActorRef[Any]]
        self._live: OrderedDict[UserID, _Live] = OrderedDict()
        self._leaving: dict[UserID, _Leaving] = {}
        self._resting: deque[tuple[float, UserID, _Live]] = deque()
        """To be saved an interval after the time beside them: they were saved just before."""
        self._due: deque[tuple[UserID, _Live]] = deque()
        """To be saved as soon as there is room; what comes for them meanwhile saves a write."""
        self._due_at_tick = 0
        self._awaiting_room = False

    def spawn_users_with(self, spawn: Callable[[UserID], ActorRef[Any]]) -> None:
        """Set how a user actor is started. Called once, before the router is started."""
        self._spawn = spawn

    def on_start(self) -> None:
        """Begin to tick. Runs on the dispatcher's thread."""
        self._tick_later()

    def on_receive(  # noqa: C901  # a case a message, none nested
        self, message: RouterMessage
    ) -> int | Found | None:
        """Handle one message. Runs on the dispatcher's thread."""
        match message:
            case Deliveries(items):
                self._route(items)
            case Tick():
                self._tick()
            case RoomAvailable():
                self._awaiting_room = False
                self._tell_due()
            case CheckpointWanted(user_id, ref):
                live = self._live.get(user_id)
                if live is not None and live.ref is ref:
                    self._save_later(user_id, live, self._clock.monotonic_s())
            case PassivationDeclined(user_id, ref):
                self._keep(user_id, ref)
            case Passivated(user_id, ref, returned):
                self._replace(user_id, ref, returned)
            case UserFailed():
                self._retire_failed(message)
            case CountLiveUsers():
                return len(self._live) + len(self._leaving)
            case FindLiveUsers(user_ids, limit):
                return self._find(user_ids, limit)
            case _:
                assert_never(message)
        return None

    def _route(self, items: Iterable[Delivery]) -> None:
        by_user: dict[UserID, list[Delivery]] = {}
        asking: dict[UserID, None] = {}
        for delivery in items:
            body = delivery.body
            user_id = body.user_id
            if user_id in by_user:
                by_user[user_id].append(delivery)
            else:
                by_user[user_id] = [delivery]
            if type(body) is SendDigest:
                asking[user_id] = None
        if asking:
            # Only the order of one user's messages matters, and for these somebody waits.
            tell_each(self._addressed({user_id: by_user.pop(user_id) for user_id in asking}))
        # Whoever lives reads of events when it is to save: many at once, in one run.
        tell_each(self._addressed(by_user), at_leisure=True)
        self._shed_excess(len(self._live))

    def _addressed(
        self, by_user: dict[UserID, list[Delivery]]
    ) -> list[tuple[ActorRef[Any], Deliver]]:
        """Say which actor gets what; mail of users that leave waits until they have."""
        now_s = self._clock.monotonic_s()
        leaving, told = self._leaving, []
        for user_id, mail in by_user.items():
            if leaving and user_id in leaving:
                leaving[user_id].waiting.extend(mail)
            else:
                told.append((self._live_ref(user_id, now_s), new_tuple(Deliver, (tuple(mail),))))
        return told

    def _live_ref(self, user_id: UserID, now_s: float) -> ActorRef[Any]:
        """Return the actor of a user that gets mail; spawn it if there is none."""
        live = self._live.get(user_id)
        if live is None:
            live = self._live[user_id] = _Live(self._spawn(user_id), now_s)
            self._tally.activations += 1
            logger.debug("user.activated", extra={"user": user_id})
        else:
            live.used_at_s = now_s
            self._live.move_to_end(user_id)
        if not live.to_save:
            self._save_later(user_id, live, now_s)
        return live.ref

    def _forward(self, user_id: UserID, mail: list[Delivery], now_s: float) -> None:
        self._live_ref(user_id, now_s).tell(Deliver(tuple(mail)))

    def _save_later(self, user_id: UserID, live: _Live, now_s: float) -> None:
        """Have a user save: soon the first time, then once an interval."""
        if live.to_save:
            return
        live.to_save = True
        if now_s - live.save_told_at_s >= self._settings.checkpoint_interval_s:
            self._due.append((user_id, live))
        else:
            self._resting.append((now_s, user_id, live))

    def _tick(self) -> None:
        rested_since_s = self._clock.monotonic_s() - self._settings.checkpoint_interval_s
        while self._resting and self._resting[0][0] <= rested_since_s:
            _, user_id, live = self._resting.popleft()
            self._due.append((user_id, live))
        self._due_at_tick = len(self._due)
        if not self._awaiting_room:
            self._tell_due()
        self._tally.live_users = len(self._live) + len(self._leaving)
        self._shed_idle()
        # Those that declined when they were too many are still too many when nothing comes.
        self._shed_excess(PASSIVATIONS_PER_TICK)
        self._tick_later()

    def _tell_due(self) -> None:
        """Tell a group of those that were due at the tick to save, then wait for room again."""
        count = min(self._due_at_tick, self._settings.checkpoint_group_max)
        if not count:
            return
        self._due_at_tick -= count
        now_s = self._clock.monotonic_s()
        refs: list[ActorRef[Any]] = []
        for _ in range(count):
            user_id, live = self._due.popleft()
            live.to_save = False
            live.save_told_at_s = now_s
            if self._live.get(user_id) is live:
                refs.append(live.ref)
        tell_each((ref, _TAKE_CHECKPOINT) for ref in refs)
        self._awaiting_room = True
        tell_if_alive(self._checkpointer, AwaitRoom(self.actor_ref))

    def _tick_later(self) -> None:
        wait_s = self._settings.checkpoint_interval_s / TICKS_PER_INTERVAL
        self._scheduler.tell_after(wait_s, self.actor_ref, Tick())

    def _shed_idle(self) -> None:
        used_before_s = self._clock.monotonic_s() - self._settings.idle_timeout_s
        idle = []
        for user_id, live in islice(self._live.items(), PASSIVATIONS_PER_TICK):
            if live.used_at_s > used_before_s:
                break
            idle.append(user_id)
        self._ask_to_leave(idle)

    def _shed_excess(self, most: int) -> None:
        excess = len(self._live) - self._settings.max_live_users
        if excess > 0:
            self._ask_to_leave(list(islice(self._live, min(excess, most))))

    def _ask_to_leave(self, user_ids: Iterable[UserID]) -> None:
        for user_id in user_ids:
            ref = self._live.pop(user_id).ref
            self._leaving[user_id] = _Leaving(ref)
            ref.tell(Passivate())

    def _keep(self, user_id: UserID, ref: ActorRef[Any]) -> None:
        """Take a user back that has something unsaved or owed."""
        leaving = self._leaving.get(user_id)
        if leaving is None or leaving.ref is not ref or leaving.failure is not None:
            return
        del self._leaving[user_id]
        now_s = self._clock.monotonic_s()
        self._live[user_id] = live = _Live(ref, now_s)
        self._save_later(user_id, live, now_s)
        if leaving.waiting:
            self._forward(user_id, leaving.waiting, now_s)

    def _replace(self, user_id: UserID, ref: ActorRef[Any], returned: tuple[Delivery, ...]) -> None:
        """Forget a user actor that has stopped; spawn it afresh if mail waits."""
        leaving = self._leaving.get(user_id)
        if leaving is None or leaving.ref is not ref:
            return
        del self._leaving[user_id]
        logger.debug("user.passivated", extra={"user": user_id})
        self._tally.passivations += 1
        mail = [*returned, *leaving.waiting]
        if leaving.failure is not None:
            mail = self._without_culprits(mail, returned, leaving.failure)
        if mail:
            self._forward(user_id, mail, self._clock.monotonic_s())

    def _retire_failed(self, failed: UserFailed) -> None:
        """Have a crashed actor hand back what it has not settled."""
        logger.error("user.crashed", extra={"user": failed.user_id, "error": failed.reason})
        self._tally.crashes += 1
        leaving = self._leaving.get(failed.user_id)
        if leaving is None:
            leaving = self._leaving[failed.user_id] = _Leaving(failed.ref)
            self._live.pop(failed.user_id, None)
        leaving.failure = failed
        tell_if_alive(failed.ref, Passivate())

    def _without_culprits(
        self, mail: list[Delivery], returned: tuple[Delivery, ...], failure: UserFailed
    ) -> list[Delivery]:
        """Set aside what the crash is blamed on, to be retried later or dead-lettered."""
        if failure.culprit is None:
            culprits = {delivery.token for delivery in returned}
        else:
            culprits = {failure.culprit}
        for delivery in mail:
            if delivery.token in culprits:
                self._retry_or_give_up(delivery, failure.reason)
        return [delivery for delivery in mail if delivery.token not in culprits]

    def _retry_or_give_up(self, delivery: Delivery, reason: str) -> None:
        if delivery.attempt >= self._settings.max_attempts:
            why = f"processing failed {delivery.attempt} times, last with: {reason}"
            self._acknowledger.dead_letter((delivery.token,), Rejection(RejectionKind.CRASHED, why))
            return
        self._tally.message_retries += 1
        again = delivery._replace(attempt=delivery.attempt + 1)
        wait_s = self._settings.backoff_s(delivery.attempt, self._random.random())
        self._scheduler.tell_after(wait_s, self.actor_ref, Deliveries((again,)))

    def _find(self, user_ids: tuple[UserID, ...] | None, limit: int) -> Found:
        """Name actors in memory, for those who only look; nobody is spawned for them."""
        if user_ids is None:
            return tuple(
                (user_id, live.ref) for user_id, live in islice(reversed(self._live.items()), limit)
            )
        found = []
        for user_id in user_ids[:limit]:
            one = self._live.get(user_id) or self._leaving.get(user_id)
            if one is not None:
                found.append((user_id, one.ref))
        return tuple(found)
