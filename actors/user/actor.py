"""UserActor: one user's life. Its state, its deliveries and its outbox are beside it.

::

    RECOVERING ──checkpoint──▶ ACTIVE ◀──▶ WORKING (on more than a turn has room for)
         ▲                       │ ╰──▶ leaves memory
         └──────conflict─────────┘       FAILED: collects its mail until the router takes it back

A step is: apply what came, answer what was asked, save what changed, publish what is durable.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, assert_never

from actors.messages.checkpoints import RecoverUser, SaveCheckpoint
from actors.messages.publisher import PublishOutbox
from actors.messages.router import CheckpointWanted, Passivated, PassivationDeclined, UserFailed
from actors.messages.user import (
    CheckpointConflicted,
    Checkpointed,
    CheckpointRefused,
    Finish,
    HandleDeliveries,
    Leave,
    LiveState,
    OutboxPublished,
    Passivate,
    Recovered,
    RecoveryFailed,
    ShowState,
    TakeCheckpoint,
    UserMessage,
)
from actors.runtime.pooled import tell_if_alive
from actors.runtime.sliced import GoOn, SlicedActor
from actors.runtime.tuples import new_tuple
from actors.user.applying import apply_in_order, work_off
from actors.user.context import Phase, UnreadableCheckpointError
from actors.user.deliveries import HeldDeliveries
from actors.user.outbox import Outbox
from actors.user.refusals import give_up
from actors.user.selection import ALARMS_IN_A_SLICE
from actors.user.state import UserState

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from actors.messages.inputs import Delivery
    from actors.ports import Checkpoint
    from actors.rules.alarms import UserID
    from actors.rules.digest import DigestID
    from actors.runtime.pooled import Dispatcher
    from actors.user.context import UserContext

logger = logging.getLogger("actors.user")
_ACTIVE = Phase.ACTIVE
_READY = (Phase.ACTIVE, Phase.WORKING)


class UserActor(SlicedActor):
    """One user, in memory while it is in use. Runs on its dispatcher's thread."""

    registered = False
    _beyond = 0
    """The alarms beyond a user's share that the router knows of: few users ever have any."""

    def __init__(self, dispatcher: Dispatcher, user_id: UserID, context: UserContext) -> None:
        """Create the actor, unstarted, for a user of whom nothing is known yet."""
        super().__init__(dispatcher)
        self._user_id = user_id
        self._context = context
        self._phase = Phase.RECOVERING
        self._state = UserState()
        self._held = HeldDeliveries()
        self._outbox = Outbox(self._state, self._held)
        self._save_due = False
        self._saves_outbox = False
        """The save under way makes the outbox durable."""
        self._finishing = False

    def on_start(self) -> None:
        """Ask for the checkpoint."""
        self._recover()

    def on_receive(self, message: UserMessage | ShowState) -> LiveState | None:
        """Handle one message; a crash is reported to the router and ends this actor only."""
        kind = type(message)
        try:  # by far the most go the short way
            if kind is HandleDeliveries and self._phase is _ACTIVE:
                self._apply(message.items)  # type: ignore[union-attr]  # that kind
            elif kind is TakeCheckpoint and self._phase is _ACTIVE:
                self._save(urgent=False)
            elif kind is Checkpointed and self._phase is _ACTIVE:
                self._on_checkpointed()
            elif isinstance(message, ShowState):
                return self._show()
            elif self._phase is Phase.FAILED:
                self._collect(message)
            else:
                self._handle(message)
            if self._finishing and not self._busy():
                self._leave(())
        except Exception as error:
            self._fail(error)
        return None

    def _handle(self, message: UserMessage) -> None:  # noqa: C901, PLR0912  # a case a message
        match message:
            case HandleDeliveries(items):
                self._held.waiting.extend(items)
            case Recovered(checkpoint):
                self._on_recovered(checkpoint)
            case TakeCheckpoint():
                self._save(urgent=False)
            case Checkpointed():
                self._on_checkpointed()
            case GoOn():
                self.go_on()
            case OutboxPublished(digest_id):
                self._on_published(digest_id)
            case Passivate():
                self._passivate()
            case Finish():
                self._finishing = True
                self._save(urgent=True)
            case Leave():
                self._finishing = False
                self.stop()
            case CheckpointConflicted():
                logger.warning("checkpoint.conflicted", extra={"user": self._user_id})
                self._reload(self._held.unsettled())
            case CheckpointRefused(reason):
                self._on_refused(reason)
            case RecoveryFailed(reason):
                raise UnreadableCheckpointError(reason)
            case _:
                assert_never(message)

    def _show(self) -> LiveState | None:
        known = self._phase in _READY
        return LiveState(self._state.checkpoint(), len(self._held.unsettled())) if known else None

    def _apply(self, items: Sequence[Delivery]) -> None:
        """Apply in order, answer what is asked, and save if somebody waits for that."""
        state = self._state
        if len(items) > ALARMS_IN_A_SLICE:
            self._held.waiting.extend(items)
            self._work()
            return
        apply_in_order(items, state, self._held, self._context, self._answer)
        if state.told:
            self._save(urgent=True)
        elif not state.changed:
            self._settle_if_saved()
        elif len(self._held.applied) > ALARMS_IN_A_SLICE:
            self._save(urgent=False)  # more would be much to encode in a turn

    def _answer(self) -> None:
        if not self._outbox.answer(self._user_id, self._context) and self._phase is _ACTIVE:
            self._work()

    def _work(self) -> None:
        self._phase = Phase.WORKING
        self.begin_slices(self._working())

    def _working(self) -> Iterator[None]:
        yield from work_off(self._outbox, self._held, self._answer, self._apply)
        self._phase = _ACTIVE
        if self._save_due:
            self._save(urgent=self._state.told or self._finishing)
        elif self._state.told:
            self._save_told()
        self._settle_if_saved()

    def _save(self, *, urgent: bool) -> None:
        """Send what changed to the checkpointer, or remember to, while a save is under way."""
        state, context, held = self._state, self._context, self._held
        self._save_due = self._phase is not _ACTIVE or held.saving
        if self._save_due or not state.dirty:
            return
        state.forget_cleared(context.clock.wall_s(), context.retention)
        self._saves_outbox = self._outbox.seal()
        tokens, update = held.begin_save(), state.take_changes(self._user_id, held.in_save)
        self._save_due = bool(state.changed)
        self._count_alarms()
        checkpointer = context.urgent_checkpointer if urgent else context.checkpointer
        tell_if_alive(checkpointer, new_tuple(SaveCheckpoint, (update, tokens, self._actor_ref)))

    def _count_alarms(self) -> None:
        beyond = max(0, len(self._state.alarms) - self._context.alarm_share)
        if beyond != self._beyond:
            self._beyond = beyond
            self._context.tell_of_alarms(self._user_id, self._actor_ref, beyond)

    def _settle_if_saved(self) -> None:
        """Settle at once what changed nothing, when all that it repeats is durable already."""
        held = self._held
        if held.applied and not held.saving and not self._state.dirty:
            self._context.acknowledger.acknowledge(held.take_applied())
            if held.applied and self._phase is _ACTIVE:
                self._work()

    def _on_checkpointed(self) -> None:
        self._state.version += 1
        self._held.end_save()
        if self._saves_outbox:
            self._saves_outbox = False
            self._publish()
        if self._save_due:
            self._save(urgent=self._state.told)
        self._settle_if_saved()

    def _publish(self) -> None:
        digests = self._state.cursor.outbox
        tell_if_alive(self._context.publisher, PublishOutbox(digests, self.actor_ref))

    def _on_published(self, digest_id: DigestID) -> None:
        """Clear the outbox, and answer what was asked meanwhile."""
        if self._phase not in _READY or not self._outbox.published(digest_id, self._context):
            return
        self._answer()
        if self._phase is _ACTIVE:
            self._save_told()

    def _save_told(self) -> None:
        if self._outbox.open or self._finishing:
            self._save(urgent=True)
        else:
            # Nobody waits for it: it goes with the next group.
            tell_if_alive(self._context.router, CheckpointWanted(self._user_id, self.actor_ref))

    def _on_recovered(self, checkpoint: Checkpoint) -> None:
        state, ids = self._state, self._context.ids
        if len(checkpoint.alarms) > ALARMS_IN_A_SLICE:
            self.begin_slices(state.load_sliced(checkpoint, ids, self._on_loaded))
        else:
            state.load(checkpoint, ids)
            self._on_loaded()

    def _on_loaded(self) -> None:
        self._phase = Phase.ACTIVE
        self._count_alarms()
        if self._outbox.begin(self._state, self._held):
            self._publish()
        self._apply(self._held.take_waiting())
        if self._save_due:
            self._save(urgent=self._state.told or self._finishing)

    def _recover(self) -> None:
        self.drop_slices()
        self._phase = Phase.RECOVERING
        tell_if_alive(self._context.recovery, RecoverUser(self._user_id, self.actor_ref))

    def _reload(self, deliveries: list[Delivery]) -> None:
        """Drop the state, load the checkpoint, apply ``deliveries`` again."""
        self._state, self._held = UserState(), HeldDeliveries()
        self._held.waiting = deliveries
        self._saves_outbox = False
        self._save_due = True
        self._recover()

    def _on_refused(self, reason: str) -> None:
        saved = self._state.cursor.outbox if self._saves_outbox else ()
        self._reload(give_up(saved, self._held, self._outbox, self._user_id, self._context, reason))

    def _passivate(self) -> None:
        """Leave memory, or decline. Whatever the router sent before has been handled."""
        if self._busy():
            tell_if_alive(self._context.router, PassivationDeclined(self._user_id, self.actor_ref))
        else:
            self._leave(())

    def _busy(self) -> bool:
        nothing_held = self._outbox.empty and not self._held
        return self._phase is not _ACTIVE or self._state.dirty or not nothing_held

    def _leave(self, returned: tuple[Delivery, ...]) -> None:
        self._finishing = False
        tell_if_alive(self._context.router, Passivated(self._user_id, self.actor_ref, returned))
        self.stop()

    def _fail(self, error: Exception) -> None:
        logger.debug("user.failing", extra={"user": self._user_id}, exc_info=error)
        self._phase = Phase.FAILED
        reason = str(error) if isinstance(error, UnreadableCheckpointError) else repr(error)
        failed = UserFailed(self._user_id, self.actor_ref, self._held.handling, reason)
        tell_if_alive(self._context.router, failed)

    def _collect(self, message: UserMessage) -> None:
        """Failed: keep mail for the router, hand it back when asked, ignore the rest."""
        match message:
            case HandleDeliveries(items):
                self._held.waiting.extend(items)
            case Passivate():
                self._leave(tuple(self._held.unsettled()))
            case Leave():
                self.stop()
