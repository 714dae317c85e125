"""RouterActor: the directory of live users; spawns, feeds, paces and retires their actors."""

from __future__ import annotations

import logging
from collections import OrderedDict
from dataclasses import dataclass, field
from itertools import islice
from math import inf
from typing import TYPE_CHECKING, Any, assert_never

from actors.messages import (
    CountLiveUsers,
    Deliver,
    Deliveries,
    Delivery,
    Passivate,
    Passivated,
    PassivationDeclined,
    RouterMessage,
    TakeCheckpoint,
    Tick,
    UserFailed,
)
from actors.runtime import tell_if_alive
from actors.supervision import ServiceActor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from random import Random

    from pykka import ActorRef

    from actors.alarms import UserID
    from actors.ports import Acknowledger, Clock
    from actors.runtime import Dispatcher, Scheduler
    from actors.settings import CoreSettings

logger = logging.getLogger("actors.router")

PASSIVATIONS_PER_TICK = 1000
"""Idle users, and users in excess, asked to passivate at one tick, so that it stays short."""


@dataclass(slots=True)
class _Live:
    """A user actor that takes mail."""

    ref: ActorRef[Any]
    used_at_s: float
    save_told_at_s: float = -inf


@dataclass(slots=True)
class _Leaving:
    """A user actor that was asked to passivate; its mail waits here for the answer.

    In Pykka a message behind a stop is dropped without a word, hence the handshake.
    """

    ref: ActorRef[Any]
    waiting: list[Delivery] = field(default_factory=list)
    failure: UserFailed | None = None


class RouterActor(ServiceActor):
    """Forwards deliveries to one actor a user, in order; bounds how many of those live."""

    def __init__(
        self,
        dispatcher: Dispatcher,
        escalate: Callable[[str], None],
        settings: CoreSettings,
        acknowledger: Acknowledger,
        scheduler: Scheduler,
        clock: Clock,
        random: Random,
    ) -> None:
        """Create the router, unstarted; ``spawn_users_with`` completes it."""
        super().__init__(dispatcher, escalate)
        self._settings = settings
        self._acknowledger = acknowledger
        self._scheduler = scheduler
        self._clock = clock
        self._random = random
        self._spawn: Callable[[UserID], ActorRef[Any]]
        self._live: OrderedDict[UserID, _Live] = OrderedDict()
        self._leaving: dict[UserID, _Leaving] = {}
        self._touched: dict[UserID, _Live] = {}

    def spawn_users_with(self, spawn: Callable[[UserID], ActorRef[Any]]) -> None:
        """Set how a user actor is started. Called once, before the router is started."""
        self._spawn = spawn

    def on_start(self) -> None:
        """Begin to tick. Runs on the dispatcher's thread."""
        self._tick_later()

    def on_receive(self, message: RouterMessage) -> int | None:
        """Handle one message. Runs on the dispatcher's thread."""
        match message:
            case Deliveries(items):
                self._route(items)
            case Tick():
                self._tick()
            case PassivationDeclined(user_id, ref):
                self._keep(user_id, ref)
            case Passivated(user_id, ref, returned):
                self._replace(user_id, ref, returned)
            case UserFailed():
                self._retire_failed(message)
            case CountLiveUsers():
                return len(self._live) + len(self._leaving)
            case _:
                assert_never(message)
        return None

    def _route(self, items: Iterable[Delivery]) -> None:
        by_user: dict[UserID, list[Delivery]] = {}
        for delivery in items:
            user_id = delivery.body.user_id
            if user_id in by_user:
                by_user[user_id].append(delivery)
            else:
                by_user[user_id] = [delivery]
        now_s = self._clock.monotonic_s()
        for user_id, mail in by_user.items():
            leaving = self._leaving.get(user_id)
            if leaving is not None:
                leaving.waiting.extend(mail)
            else:
                self._forward(user_id, mail, now_s)
        self._shed_excess(len(self._live))

    def _forward(self, user_id: UserID, mail: list[Delivery], now_s: float) -> None:
        live = self._live.get(user_id)
        if live is None:
            live = self._live[user_id] = _Live(self._spawn(user_id), now_s)
            logger.debug("user.activated", extra={"user": user_id})
        else:
            live.used_at_s = now_s
            self._live.move_to_end(user_id)
        # The first change is saved at once, those that follow within an interval together.
        save = now_s - live.save_told_at_s >= self._settings.checkpoint_interval_s
        if save:
            live.save_told_at_s = now_s
        else:
            self._touched[user_id] = live
        live.ref.tell(Deliver(tuple(mail), save))

    def _tick(self) -> None:
        touched, self._touched = self._touched, {}
        now_s = self._clock.monotonic_s()
        take_checkpoint = TakeCheckpoint()
        for live in touched.values():
            live.save_told_at_s = now_s
            tell_if_alive(live.ref, take_checkpoint)
        self._shed_idle()
        # Those that declined when they were too many are still too many when nothing comes.
        self._shed_excess(PASSIVATIONS_PER_TICK)
        self._tick_later()

    def _tick_later(self) -> None:
        self._scheduler.tell_after(self._settings.checkpoint_interval_s, self.actor_ref, Tick())

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
        self._live[user_id] = _Live(ref, now_s)
        if leaving.waiting:
            self._forward(user_id, leaving.waiting, now_s)

    def _replace(self, user_id: UserID, ref: ActorRef[Any], returned: tuple[Delivery, ...]) -> None:
        """Forget a user actor that has stopped; spawn it afresh if mail waits."""
        leaving = self._leaving.get(user_id)
        if leaving is None or leaving.ref is not ref:
            return
        del self._leaving[user_id]
        logger.debug("user.passivated", extra={"user": user_id})
        mail = [*returned, *leaving.waiting]
        if leaving.failure is not None:
            mail = self._without_culprits(mail, returned, leaving.failure)
        if mail:
            self._forward(user_id, mail, self._clock.monotonic_s())

    def _retire_failed(self, failed: UserFailed) -> None:
        """Have a crashed actor hand back what it has not settled."""
        logger.error("user.crashed", extra={"user": failed.user_id, "error": failed.reason})
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
            self._acknowledger.dead_letter((delivery.token,), why)
            return
        again = delivery._replace(attempt=delivery.attempt + 1)
        wait_s = self._settings.backoff_s(delivery.attempt, self._random.random())
        self._scheduler.tell_after(wait_s, self.actor_ref, Deliveries((again,)))
