"""RouterActor: the directory of live users; spawns, feeds, paces and retires their actors."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, assert_never

from actors.messages.checkpoints import AwaitRoom
from actors.messages.inputs import SendDigest
from actors.messages.router import (
    AlarmsCounted,
    CheckpointWanted,
    CountLiveUsers,
    DropPartitions,
    EmptyPartitions,
    FindLiveUsers,
    Passivated,
    PassivationDeclined,
    ResumeUser,
    RoomAvailable,
    RouteDeliveries,
    RouterMessage,
    Tick,
    UserFailed,
)
from actors.messages.user import HandleDeliveries, Leave, Passivate, TakeCheckpoint
from actors.pacing import SavePacing
from actors.router.directory import Directory, Live
from actors.router.emptying import Emptying
from actors.router.retrying import Retries
from actors.rules.partitions import partition_of
from actors.runtime.pooled import tell_each, tell_if_alive
from actors.runtime.supervision import ServiceActor
from actors.runtime.tuples import new_tuple
from actors.tally import CoreTally

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from random import Random

    from pykka import ActorRef

    from actors.messages.inputs import Delivery
    from actors.ports import Acknowledger, Clock
    from actors.router.directory import Found
    from actors.rules.alarms import UserID
    from actors.runtime.pooled import Dispatcher, Scheduler
    from actors.settings import CoreSettings

logger = logging.getLogger("actors.router")

PASSIVATIONS_PER_TICK = 250
"""Idle users, and users in excess, asked to passivate at one tick, so that it stays short."""

_TAKE_CHECKPOINT = TakeCheckpoint()


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
        *,
        on_log: bool = True,
    ) -> None:
        """Create it, unstarted; ``spawn_users_with`` completes it. ``on_log``: see the settings."""
        super().__init__(dispatcher, escalate)
        self._settings = settings
        self._checkpointer = checkpointer
        self._acknowledger = acknowledger
        self._scheduler = scheduler
        self._clock = clock
        self._tally = tally or CoreTally()
        self._spawn: Callable[[UserID], ActorRef[Any]]
        self._users = Directory(settings)
        self._emptying = Emptying(self._users)
        self._retries = Retries(
            self._users,
            settings,
            acknowledger,
            lambda user_id, wait_s: scheduler.tell_after(
                wait_s, self.actor_ref, ResumeUser(user_id)
            ),
            random,
            self._tally,
        )
        self._pacing: SavePacing[UserID, Live] = SavePacing(
            settings.save_after_s(on_log=on_log), settings.checkpoint_group_max
        )
        self._awaiting_room = False

    def spawn_users_with(self, spawn: Callable[[UserID], ActorRef[Any]]) -> None:
        """Set how a user actor is started. Called once, before the router is started."""
        self._spawn = spawn

    def on_start(self) -> None:
        """Begin to tick. Runs on the dispatcher's thread."""
        self._tick_later()

    def on_receive(  # noqa: C901, PLR0912  # a case a message, none nested
        self, message: RouterMessage
    ) -> int | Found | None:
        """Handle one message. Runs on the dispatcher's thread."""
        match message:
            case RouteDeliveries(items):
                self._route(items)
            case Tick():
                self._tick()
            case RoomAvailable():
                self._awaiting_room = False
                self._tell_due()
            case CheckpointWanted(user_id, ref):
                live = self._users.live.get(user_id)
                if live is not None and live.ref is ref:
                    self._pacing.save_later(user_id, live, self._clock.monotonic_s())
            case AlarmsCounted(user_id, ref, beyond):
                self._users.note_beyond(user_id, ref, beyond)
            case PassivationDeclined(user_id, ref):
                self._keep(user_id, ref)
            case Passivated(user_id, ref, returned):
                self._replace(user_id, ref, returned)
            case UserFailed():
                self._retire_failed(message)
            case ResumeUser(user_id):
                self._resume(user_id)
            case EmptyPartitions(numbers, reply_to):
                self._emptying.begin(numbers, reply_to)
            case DropPartitions(numbers):
                self._drop(numbers)
            case CountLiveUsers():
                return self._users.count()
            case FindLiveUsers(user_ids, limit):
                return self._users.find(user_ids, limit)
            case _:
                assert_never(message)
        return None

    # Mail.

    def _route(self, items: Iterable[Delivery]) -> None:
        now_s = self._clock.monotonic_s()
        self._pacing.mail_came(now_s)
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
            self._pacing.asked(now_s)
            # Only the order of one user's messages matters, and for these somebody waits.
            tell_each(self._addressed({one: by_user.pop(one) for one in asking}, now_s))
        # Whoever lives reads of events when it is told to save: many at once, in one run.
        tell_each(self._addressed(by_user, now_s), at_leisure=True)
        most = PASSIVATIONS_PER_TICK + len(by_user) + len(asking)
        self._ask_to_leave(self._users.excess(most))

    def _addressed(
        self, by_user: dict[UserID, list[Delivery]], now_s: float
    ) -> list[tuple[ActorRef[Any], HandleDeliveries]]:
        """Say which actor gets what; mail of users that leave, or crashed, waits."""
        leaving, retrying, told = self._users.leaving, self._users.retrying, []
        for user_id, mail in by_user.items():
            if leaving and user_id in leaving:
                leaving[user_id].waiting.extend(mail)
            elif retrying and user_id in retrying:
                retrying[user_id].mail.extend(mail)
            else:
                ref = self._live_ref(user_id, now_s)
                told.append((ref, new_tuple(HandleDeliveries, (tuple(mail),))))
        return told

    def _live_ref(self, user_id: UserID, now_s: float) -> ActorRef[Any]:
        """Return the actor of a user that gets mail; spawn it if there is none."""
        users = self._users.live
        live = users.get(user_id)
        if live is None:
            live = Live(ref=self._spawn(user_id), partition=partition_of(user_id), used_at_s=now_s)
            users[user_id] = live
            self._tally.activations += 1
            logger.debug("user.activated", extra={"user": user_id})
        else:
            live.used_at_s = now_s
            users.move_to_end(user_id)
        if not live.to_save:
            self._pacing.save_later(user_id, live, now_s)
        return live.ref

    def _forward(self, user_id: UserID, mail: list[Delivery]) -> None:
        ref = self._live_ref(user_id, self._clock.monotonic_s())
        ref.tell(HandleDeliveries(tuple(mail)))

    # Saves.

    def _tick(self) -> None:
        self._pacing.tick(self._clock.monotonic_s(), self._acknowledger.fill)
        if not self._awaiting_room:
            self._tell_due()
        self._tally.live_users = self._users.count()
        self._tally.live_alarms = self._users.count_alarms()
        self._shed_idle()
        # Those that declined when they were too many are still too many when nothing comes.
        self._ask_to_leave(self._users.excess(PASSIVATIONS_PER_TICK))
        self._tick_later()

    def _tell_due(self) -> None:
        """Tell a group of those that are due to save, then wait for room again."""
        now_s = self._clock.monotonic_s()
        group = self._pacing.next_group(now_s)
        if not group:
            return
        users = self._users.live
        refs = [live.ref for user_id, live in group if users.get(user_id) is live]
        tell_each((ref, _TAKE_CHECKPOINT) for ref in refs)
        self._awaiting_room = True
        tell_if_alive(
            self._checkpointer, AwaitRoom(self.actor_ref, empty=self._pacing.is_asked(now_s))
        )

    def _tick_later(self) -> None:
        self._scheduler.tell_after(self._pacing.tick_s, self.actor_ref, Tick())

    # Leaving memory.

    def _shed_idle(self) -> None:
        used_before_s = self._clock.monotonic_s() - self._settings.idle_timeout_s
        self._ask_to_leave(self._users.idle(used_before_s, PASSIVATIONS_PER_TICK))

    def _ask_to_leave(self, user_ids: Iterable[UserID]) -> None:
        for user_id in user_ids:
            self._users.begin_leaving(user_id).ref.tell(Passivate())

    def _keep(self, user_id: UserID, ref: ActorRef[Any]) -> None:
        """Take a user back that has something unsaved or owed."""
        users = self._users
        leaving = users.leaving.get(user_id)
        if leaving is None or leaving.ref is not ref or leaving.failure is not None:
            return
        if leaving.partition in self._emptying:
            return  # it was told to finish as well, and leaves then
        live = users.take_back(user_id, self._clock.monotonic_s())
        # Else so many more would be in memory than may be, as change in an interval.
        self._pacing.save_soon(user_id, live)
        if leaving.waiting:
            self._forward(user_id, leaving.waiting)

    def _replace(self, user_id: UserID, ref: ActorRef[Any], returned: tuple[Delivery, ...]) -> None:
        """Forget a user actor that has stopped; spawn it afresh if mail waits."""
        users = self._users
        leaving = users.leaving.get(user_id)
        if leaving is None or leaving.ref is not ref:
            return
        del users.leaving[user_id]
        logger.debug("user.passivated", extra={"user": user_id})
        self._tally.passivations += 1
        mail = [*returned, *leaving.waiting]
        if leaving.failure is not None:
            mail = self._retries.take(user_id, leaving.partition, leaving.failure, mail, returned)
        if mail:
            self._forward(user_id, mail)
        self._emptying.look(user_id, leaving.partition)

    # Crashes.

    def _retire_failed(self, failed: UserFailed) -> None:
        """Have a crashed actor hand back what it has not settled."""
        actor = self._users.actor_of(failed.user_id)
        if actor is None or actor.ref is not failed.ref:
            return  # dropped meanwhile
        logger.error("user.crashed", extra={"user": failed.user_id, "error": failed.reason})
        self._tally.crashes += 1
        self._users.begin_leaving(failed.user_id).failure = failed
        tell_if_alive(failed.ref, Passivate())

    def _resume(self, user_id: UserID) -> None:
        retrying = self._users.retrying.pop(user_id, None)
        if retrying is not None:
            self._forward(user_id, retrying.mail)
            self._emptying.look(user_id, retrying.partition)

    def _drop(self, numbers: frozenset[int]) -> None:
        """Forget the users of partitions that others have at home, without a word to anybody."""
        self._emptying.give_up(numbers)
        for user_id in self._users.of(numbers):
            if (ref := self._users.drop(user_id)) is not None:
                tell_if_alive(ref, Leave())
