"""UserActor: one user's alarm map and cursor, and the order in which they are saved and told.

Phases: *recovering* (what comes is stashed until the checkpoint is loaded), *active*, and
*failed* (handling crashed; mail is only collected, to be handed back to the router).
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import TYPE_CHECKING, Any, assert_never

from actors.messages import (
    AlarmStatusChanged,
    CheckpointConflicted,
    Checkpointed,
    CheckpointRefused,
    CheckpointWanted,
    Deliver,
    Delivery,
    DigestPublished,
    LiveState,
    Passivate,
    Passivated,
    PassivationDeclined,
    PublishDigest,
    Recovered,
    RecoverUser,
    RecoveryFailed,
    SaveCheckpoint,
    SendDigest,
    ShowState,
    TakeCheckpoint,
    UserFailed,
    UserMessage,
)
from actors.ports import Checkpoint, CheckpointUpdate
from actors.rejections import Rejection, RejectionKind
from actors.rules.alarms import Retention, apply_event, forgettable
from actors.rules.capacity import ALARMS_SURELY_FIT, USER_MAX_BYTES, stored_bytes
from actors.rules.digest import (
    DIGEST_ALARMS_MAX,
    NEVER_TOLD,
    Digest,
    answer,
    due_items,
    mark_told,
    settle,
)
from actors.runtime.pooled import PooledActor, tell_if_alive
from actors.runtime.tuples import new_tuple
from actors.tally import CoreTally

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pykka import ActorRef

    from actors.ports import Acknowledger, Clock, DeliveryToken
    from actors.rules.alarms import Alarm, AlarmID, UserID
    from actors.rules.digest import DigestID
    from actors.runtime.pooled import Dispatcher
    from actors.settings import CoreSettings

logger = logging.getLogger("actors.user")


class UnreadableCheckpointError(Exception):
    """Raised when what is stored of a user cannot be read."""


class Phase(Enum):
    """Where a user actor is in its life."""

    RECOVERING = auto()
    ACTIVE = auto()
    FAILED = auto()


_ACTIVE = Phase.ACTIVE


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


class UserActor(PooledActor):
    """One user, in memory while it is in use.

    A delivery is in exactly one place until it is settled: the stash (not applied yet), the
    requests (not answered yet), ``_answering`` (its digest is owed), ``_unsaved`` (in the state,
    not in a save), or ``_saving`` (in the save that is under way).
    """

    registered = False

    def __init__(self, dispatcher: Dispatcher, user_id: UserID, context: UserContext) -> None:
        """Create the actor, unstarted, for a user of whom nothing is known yet."""
        super().__init__(dispatcher)
        # Until the checkpoint is loaded, events would only be moved from the mailbox to the stash.
        self.mailbox.can_wait = True
        self._user_id = user_id
        self._context = context
        self._phase = Phase.RECOVERING
        self._stash: list[Delivery] = []
        self._applying: Sequence[Delivery] = ()
        self._handling: DeliveryToken | None = None
        self._save_due = False
        self._forget_at_s = 0
        self._digest_max = DIGEST_ALARMS_MAX
        self._partly_answered: DeliveryToken | None = None
        self._forget_all()

    def _forget_all(self) -> None:
        self._version = 0
        self._alarms: dict[AlarmID, Alarm] = {}
        self._cursor = NEVER_TOLD
        self._stored_bytes: int | None = None
        self._changed: dict[AlarmID, None] = {}
        self._cursor_changed = False
        self._unsaved: list[Delivery] = []
        self._saving: list[Delivery] | None = None
        self._saving_outbox = False
        self._requests: list[Delivery] = []
        self._answering: Delivery | None = None
        self._answering_partly: DeliveryToken | None = None

    def on_start(self) -> None:
        """Ask for the checkpoint. Runs on the dispatcher's thread, like all that follows."""
        self._recover()

    def on_receive(self, message: UserMessage | ShowState) -> LiveState | None:
        """Handle one message; a crash is reported to the router and ends this actor only."""
        kind = type(message)
        try:
            # By far the most; what is here goes the short way.
            if kind is Deliver and self._phase is _ACTIVE:
                self._apply(message.items)  # type: ignore[union-attr]  # a Deliver
            elif kind is TakeCheckpoint and self._phase is _ACTIVE:
                self._save(urgent=False)
            elif kind is Checkpointed and self._phase is _ACTIVE:
                self._on_checkpointed()
            elif isinstance(message, ShowState):
                return self._state()
            elif self._phase is Phase.FAILED:
                self._collect(message)
            else:
                self._handle_user_message(message)
        except Exception as error:
            self._fail(error)
        return None

    def _handle_user_message(self, message: UserMessage) -> None:
        match message:
            case Deliver(items):
                self._stash.extend(items)
            case Recovered(checkpoint):
                self._on_recovered(checkpoint)
            case TakeCheckpoint():
                self._save(urgent=False)
            case Checkpointed():
                self._on_checkpointed()
            case DigestPublished(digest_id):
                self._on_published(digest_id)
            case Passivate():
                self._passivate()
            case CheckpointConflicted():
                logger.warning("checkpoint.conflicted", extra={"user": self._user_id})
                self._reload(self._unsettled())
            case CheckpointRefused(reason):
                self._on_refused(reason)
            case RecoveryFailed(reason):
                raise UnreadableCheckpointError(reason)
            case _:
                assert_never(message)

    def _state(self) -> LiveState | None:
        """Return a copy for somebody on another thread; milliseconds for 100,000 alarms."""
        if self._phase is not Phase.ACTIVE:
            return None
        checkpoint = Checkpoint(self._version, dict(self._alarms), self._cursor)
        return LiveState(checkpoint, len(self._unsettled()))

    def _apply(self, items: Sequence[Delivery]) -> None:
        """Apply in order. What a crash interrupts is among ``_applying``, be it applied or not."""
        self._applying = items
        alarms, changed, unsaved = self._alarms, self._changed, self._unsaved
        retention = self._context.retention
        now_s = self._context.clock.wall_s()
        unchanged = requests = 0
        for delivery in items:
            token, body, _ = delivery
            self._handling = token
            if type(body) is AlarmStatusChanged:
                _, alarm_id, severity, changed_at_ns = body
                known = alarms.get(alarm_id)
                alarm = apply_event(known, severity, changed_at_ns, now_s, retention)
                if alarm is not known:
                    if known is None and not self._has_room_for(alarm_id):
                        reason = f"the user has {len(alarms)} alarms and no room for another"
                        rejection = Rejection(RejectionKind.UNSAVABLE, reason)
                        self._context.acknowledger.dead_letter((token,), rejection)
                        unchanged += 1
                        continue
                    alarms[alarm_id] = alarm
                    changed[alarm_id] = None
                else:
                    unchanged += 1
                unsaved.append(delivery)
            else:
                requests += 1
                self._requests.append(delivery)
                self._answer_requests()
        tally = self._context.tally
        tally.events_changed += len(items) - requests - unchanged
        if unchanged:
            tally.events_unchanged += unchanged
        self._applying = ()
        self._handling = None
        if self._cursor_changed:
            self._save(urgent=True)
        elif not changed:
            self._acknowledge_if_saved()

    def _has_room_for(self, alarm_id: AlarmID) -> bool:
        """Whether one more alarm fits into a checkpoint; it then counts as being there."""
        if len(self._alarms) < ALARMS_SURELY_FIT:
            return True
        if self._stored_bytes is None:
            self._stored_bytes = stored_bytes(self._alarms)
        with_it = self._stored_bytes + stored_bytes((alarm_id,))
        if with_it > USER_MAX_BYTES:
            return False
        self._stored_bytes = with_it
        return True

    def _answer_requests(self) -> None:
        """Make the digests that are asked for, one at a time: the next when this is published."""
        while self._requests and self._cursor.outbox is None:
            delivery = self._requests[0]
            self._handling = delivery.token
            assert isinstance(delivery.body, SendDigest)
            _, request_id, _, traceparent = delivery.body
            if request_id is not None and request_id in self._cursor.answered:
                logger.warning(
                    "request.redelivered", extra={"user": self._user_id, "request": request_id}
                )
                self._context.tally.requests_repeated += 1
                self._unsaved.append(self._requests.pop(0))
                continue
            items = due_items(self._alarms)
            if items:
                self._context.tally.digests_made += 1
            else:
                self._context.tally.digests_empty += 1
            # Saved even when there is nothing to tell: the compare-and-set proves that this
            # actor's state, from which it is decided, is not stale.
            self._cursor_changed = True
            is_rest = delivery.token == self._partly_answered
            if not items and (is_rest or self._context.settings.skip_empty_digests):
                self._cursor = answer(self._cursor, request_id, None)
                self._unsaved.append(self._requests.pop(0))
                continue
            part = items[: self._digest_max]
            digest = Digest(self._context.new_digest_id(), self._user_id, part, traceparent)
            told = mark_told(self._alarms, part)
            self._alarms.update(told)
            self._changed.update(dict.fromkeys(told))
            if len(part) < len(items):
                # The request stays until the digest that carries the last of them answers it.
                self._answering_partly = delivery.token
                self._cursor = answer(self._cursor, None, digest)
                continue
            self._cursor = answer(self._cursor, request_id, digest)
            self._answering = self._requests.pop(0)
        self._handling = None

    def _save(self, *, urgent: bool) -> None:
        """Send what changed to the checkpointer, or remember to, while a save is under way."""
        if self._phase is not Phase.ACTIVE or self._saving is not None:
            self._save_due = True
            self.mailbox.can_wait = False
            return
        self._save_due = False
        self.mailbox.can_wait = True
        if not self._dirty():
            return
        self._forget_cleared()
        alarms = self._alarms
        changed = {alarm_id: alarms.get(alarm_id) for alarm_id in self._changed}
        cursor = self._cursor if self._cursor_changed else None
        update = new_tuple(CheckpointUpdate, (self._user_id, self._version, changed, cursor))
        self._saving_outbox = self._cursor_changed and self._cursor.outbox is not None
        self._saving, self._unsaved = self._unsaved, []
        self._changed = {}
        self._cursor_changed = False
        tokens = tuple([delivery[0] for delivery in self._saving])
        context = self._context
        checkpointer = context.urgent_checkpointer if urgent else context.checkpointer
        tell_if_alive(checkpointer, new_tuple(SaveCheckpoint, (update, tokens, self._actor_ref)))
        # Unless a digest goes out when this is durable, there is no hurry to hear of it.
        self.mailbox.can_wait = not self._saving_outbox

    def _dirty(self) -> bool:
        return bool(self._changed) or self._cursor_changed

    def _forget_cleared(self) -> None:
        if not self._version:
            return  # what was never saved is not old
        now_s = self._context.clock.wall_s()
        if now_s < self._forget_at_s:
            return
        retention = self._context.retention
        self._forget_at_s = now_s + retention.resolution_s
        self._stored_bytes = None
        for alarm_id in forgettable(self._alarms, now_s, retention):
            del self._alarms[alarm_id]
            self._changed[alarm_id] = None

    def _acknowledge_if_saved(self) -> None:
        """Settle at once what changed nothing, when all that it repeats is durable already."""
        if self._unsaved and self._saving is None and not self._dirty():
            self._context.acknowledger.acknowledge([item.token for item in self._unsaved])
            self._unsaved = []

    def _on_checkpointed(self) -> None:
        self._version += 1
        self._saving = None
        self.mailbox.can_wait = True
        if self._saving_outbox:
            self._saving_outbox = False
            self._publish()
        if self._save_due:
            self._save(urgent=self._cursor_changed)
        self._acknowledge_if_saved()

    def _publish(self) -> None:
        """Hand the owed digest to the publisher; its outbox entry is durable."""
        digest = self._cursor.outbox
        assert digest is not None
        tell_if_alive(self._context.publisher, PublishDigest(digest, self.actor_ref))

    def _on_published(self, digest_id: DigestID) -> None:
        """Clear the outbox; the request is acknowledged once that is saved.

        Not before: after a crash the request's redelivery brings this user back, and what its
        checkpoint still owes is published again while the stream still recognises the id.
        """
        outbox = self._cursor.outbox
        if self._phase is not Phase.ACTIVE or outbox is None or outbox.digest_id != digest_id:
            return
        self._cursor = settle(self._cursor)
        self._cursor_changed = True
        if self._answering is not None:
            self._note_latency(self._answering)
            self._unsaved.append(self._answering)
            self._answering = None
        if self._answering_partly is not None:
            # Not before: a part whose save conflicted was never told.
            self._partly_answered, self._answering_partly = self._answering_partly, None
        self._answer_requests()
        if self._cursor.outbox is not None:
            self._save(urgent=True)
        else:
            # Nobody waits for this: it goes with the next group instead of making one.
            wanted = CheckpointWanted(self._user_id, self.actor_ref)
            tell_if_alive(self._context.router, wanted)

    def _note_latency(self, request: Delivery) -> None:
        assert isinstance(request.body, SendDigest)
        latency_s = self._context.clock.monotonic_s() - request.body.taken_at_s
        self._context.tally.digest_latency_s.observe(latency_s)

    def _on_recovered(self, checkpoint: Checkpoint) -> None:
        self._version = checkpoint.version
        self._alarms = dict(checkpoint.alarms)
        self._cursor = checkpoint.cursor
        self._phase = Phase.ACTIVE
        if self._cursor.outbox is not None:
            self._publish()
        stash, self._stash = self._stash, []
        self._apply(stash)
        if self._save_due:
            self._save(urgent=self._cursor_changed)

    def _recover(self) -> None:
        self._phase = Phase.RECOVERING
        tell_if_alive(self._context.recovery, RecoverUser(self._user_id, self.actor_ref))

    def _reload(self, deliveries: list[Delivery]) -> None:
        """Drop the state, load the checkpoint, apply ``deliveries`` again."""
        self._forget_all()
        self._stash = deliveries
        self._save_due = True
        self._recover()

    def _on_refused(self, reason: str) -> None:
        """Give up what the refused save held; it would be refused again.

        Unless a smaller digest may fit: then try that, and give nothing up.
        """
        digest = self._cursor.outbox if self._saving_outbox else None
        if digest is not None and len(digest.items) > 1:
            self._digest_max = len(digest.items) // 2
            logger.warning(
                "digest.too_large",
                extra={"user": self._user_id, "alarms": len(digest.items), "error": reason},
            )
            self._reload(self._unsettled())
            return
        refused = list(self._saving or ())
        if digest is not None:
            refused.append(self._answering or self._requests[0])
        logger.error(
            "checkpoint.refused",
            extra={"user": self._user_id, "messages": len(refused), "error": reason},
        )
        rejection = Rejection(RejectionKind.UNSAVABLE, reason)
        self._context.acknowledger.dead_letter([item.token for item in refused], rejection)
        given_up = {item.token for item in refused}
        self._reload([item for item in self._unsettled() if item.token not in given_up])

    def _passivate(self) -> None:
        """Leave memory, or decline. Whatever the router sent before has been handled."""
        busy = (
            self._phase is not Phase.ACTIVE
            or self._dirty()
            or self._saving is not None
            or self._unsaved
            or self._requests
            or self._cursor.outbox is not None
        )
        if busy:
            tell_if_alive(self._context.router, PassivationDeclined(self._user_id, self.actor_ref))
        else:
            self._leave(())

    def _leave(self, returned: tuple[Delivery, ...]) -> None:
        tell_if_alive(self._context.router, Passivated(self._user_id, self.actor_ref, returned))
        self.stop()

    def _unsettled(self) -> list[Delivery]:
        """Every delivery that is not settled, once, the earliest taken first."""
        answering = () if self._answering is None else (self._answering,)
        held = (
            self._saving or (),
            self._unsaved,
            answering,
            self._requests,
            self._applying,
            self._stash,
        )
        by_token = {item.token: item for items in held for item in items}
        return list(by_token.values())

    def _fail(self, error: Exception) -> None:
        logger.debug("user.failing", extra={"user": self._user_id}, exc_info=error)
        self._phase = Phase.FAILED
        reason = str(error) if isinstance(error, UnreadableCheckpointError) else repr(error)
        tell_if_alive(
            self._context.router, UserFailed(self._user_id, self.actor_ref, self._handling, reason)
        )

    def _collect(self, message: UserMessage) -> None:
        """Failed: keep mail for the router, hand it back when asked, ignore the rest."""
        match message:
            case Deliver(items):
                self._stash.extend(items)
            case Passivate():
                self._leave(tuple(self._unsettled()))
            case _:
                pass
