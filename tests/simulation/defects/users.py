"""Mistakes in the user actor: what is saved, settled, published and kept when."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actors.messages.inputs import AlarmStatusChanged
from actors.messages.router import PassivationDeclined
from actors.messages.user import CheckpointConflicted
from actors.ports import Checkpoint
from actors.rules.alarms import Severity
from actors.user.actor import UserActor
from actors.user.deliveries import HeldDeliveries
from actors.user.state import UserState
from tests.simulation.defects.defect import Defect

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pytest

    from actors.messages.inputs import Delivery
    from actors.messages.user import LiveState, ShowState, UserMessage
    from actors.rules.alarms import AlarmID

_answer = UserActor._answer
_apply = UserActor._apply
_on_receive = UserActor.on_receive
_on_recovered = UserActor._on_recovered
_reload = UserActor._reload
_save = UserActor._save


def _settle(actor: UserActor, deliveries: Sequence[Delivery]) -> None:
    actor._context.acknowledger.acknowledge([item.token for item in deliveries])


def _settled_before_saved(patch: pytest.MonkeyPatch) -> None:
    def apply(self: UserActor, items: Sequence[Delivery]) -> None:
        _apply(self, items)
        _settle(self, items)

    patch.setattr(UserActor, "_apply", apply)


def _published_before_saved(patch: pytest.MonkeyPatch) -> None:
    def answer(self: UserActor) -> None:
        _answer(self)
        if self._outbox.open:
            self._publish()

    patch.setattr(UserActor, "_answer", answer)


def _settled_while_owed(patch: pytest.MonkeyPatch) -> None:
    def answer(self: UserActor) -> None:
        _answer(self)
        self._held.publish_owed()

    patch.setattr(UserActor, "_answer", answer)


def _outbox_not_published_after_a_reload(patch: pytest.MonkeyPatch) -> None:
    def on_recovered(self: UserActor, checkpoint: Checkpoint) -> None:
        with patch.context() as mute:
            mute.setattr(UserActor, "_publish", lambda _: None)
            _on_recovered(self, checkpoint)

    patch.setattr(UserActor, "_on_recovered", on_recovered)


def _outbox_dropped_on_a_reload(patch: pytest.MonkeyPatch) -> None:
    def on_recovered(self: UserActor, checkpoint: Checkpoint) -> None:
        cursor = checkpoint.cursor
        emptied = type(cursor)(cursor.number, cursor.answered, ())
        _on_recovered(self, Checkpoint(checkpoint.version, checkpoint.alarms, emptied))

    patch.setattr(UserActor, "_on_recovered", on_recovered)


def _told_mark_lost_on_a_reload(patch: pytest.MonkeyPatch) -> None:
    def on_recovered(self: UserActor, checkpoint: Checkpoint) -> None:
        untold = {
            alarm_id: alarm._replace(told_severity=Severity.CLEARED, told_at_ns=None)
            for alarm_id, alarm in checkpoint.alarms.items()
        }
        _on_recovered(self, Checkpoint(checkpoint.version, untold, checkpoint.cursor))

    patch.setattr(UserActor, "_on_recovered", on_recovered)


def _told_mark_not_saved(patch: pytest.MonkeyPatch) -> None:
    def answer(self: UserActor) -> None:
        changed = dict(self._state.changed)
        _answer(self)
        self._state.changed = changed

    patch.setattr(UserActor, "_answer", answer)


def _stash_dropped_on_recovery(patch: pytest.MonkeyPatch) -> None:
    def on_recovered(self: UserActor, checkpoint: Checkpoint) -> None:
        _settle(self, self._held.waiting)
        self._held.waiting = []
        _on_recovered(self, checkpoint)

    patch.setattr(UserActor, "_on_recovered", on_recovered)


def _conflict_ignored(patch: pytest.MonkeyPatch) -> None:
    def on_receive(self: UserActor, message: UserMessage | ShowState) -> LiveState | None:
        if isinstance(message, CheckpointConflicted):
            _settle(self, self._held.in_save())
            self._on_checkpointed()
            return None
        return _on_receive(self, message)

    patch.setattr(UserActor, "on_receive", on_receive)


def _unsaved_events_dropped_on_a_conflict(patch: pytest.MonkeyPatch) -> None:
    def reload(self: UserActor, deliveries: list[Delivery]) -> None:
        _settle(self, deliveries)
        _reload(self, [])

    patch.setattr(UserActor, "_reload", reload)


def _only_what_followed_the_save_applied_again(patch: pytest.MonkeyPatch) -> None:
    def reload(self: UserActor, deliveries: list[Delivery]) -> None:
        saving = {item.token for item in self._held.in_save()}
        _settle(self, self._held.in_save())
        _reload(self, [item for item in deliveries if item.token not in saving])

    patch.setattr(UserActor, "_reload", reload)


def _only_the_last_state_applied_again(patch: pytest.MonkeyPatch) -> None:
    def reload(self: UserActor, deliveries: list[Delivery]) -> None:
        last: dict[AlarmID, tuple[tuple[int, Severity], Delivery]] = {}
        for item in deliveries:
            if isinstance(body := item.body, AlarmStatusChanged):
                candidate = ((body.changed_at_ns, body.severity), item)
                last[body.alarm_id] = max(last.get(body.alarm_id, candidate), candidate)
        kept = {item.token for _, item in last.values()}
        again = [
            item
            for item in deliveries
            if item.token in kept or not isinstance(item.body, AlarmStatusChanged)
        ]
        _settle(self, [item for item in deliveries if item not in again])
        _reload(self, again)

    patch.setattr(UserActor, "_reload", reload)


def _two_saves_under_way(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(HeldDeliveries, "saving", property(lambda _: False))


def _changes_during_a_save_are_taken_for_saved(patch: pytest.MonkeyPatch) -> None:
    def save(self: UserActor, *, urgent: bool) -> None:
        if self._held.saving:
            _settle(self, self._held.applied)
            self._held.applied = []
        _save(self, urgent=urgent)

    patch.setattr(UserActor, "_save", save)


def _leaves_with_something_unsaved(patch: pytest.MonkeyPatch) -> None:
    def passivate(self: UserActor) -> None:
        _settle(self, self._held.unsettled())
        self._leave(())

    patch.setattr(UserActor, "_passivate", passivate)


def _never_leaves(patch: pytest.MonkeyPatch) -> None:
    def passivate(self: UserActor) -> None:
        self._context.router.tell(PassivationDeclined(self._user_id, self.actor_ref))

    patch.setattr(UserActor, "_passivate", passivate)


def _a_no_op_is_settled_while_a_save_is_under_way(patch: pytest.MonkeyPatch) -> None:
    def apply(self: UserActor, items: Sequence[Delivery]) -> None:
        before = len(self._state.changed)
        _apply(self, items)
        held = self._held
        if len(self._state.changed) == before and not (held.asking or held.owed):
            _settle(self, held.applied)
            held.applied = []

    patch.setattr(UserActor, "_apply", apply)


def _room_without_end(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(UserState, "has_room_for", lambda *_: True)


DEFECTS = (
    Defect("events are settled before they are saved", 10, _settled_before_saved),
    Defect("a digest is published before it is saved", 10, _published_before_saved),
    Defect("a request is settled while its digest is owed", 25, _settled_while_owed),
    Defect("the outbox is not published after a reload", 25, _outbox_not_published_after_a_reload),
    Defect("the outbox is dropped on a reload", 50, _outbox_dropped_on_a_reload),
    Defect("the told mark is lost on a reload", 25, _told_mark_lost_on_a_reload),
    Defect("the told mark is not saved", 10, _told_mark_not_saved),
    Defect("what came during the recovery is dropped", 10, _stash_dropped_on_recovery),
    Defect("a conflict is taken for a success", 600, _conflict_ignored),
    Defect("unsaved events are dropped on a conflict", 200, _unsaved_events_dropped_on_a_conflict),
    Defect(
        "on a conflict only what followed the save is applied again",
        600,
        _only_what_followed_the_save_applied_again,
    ),
    Defect(
        "on a conflict only the last state of an alarm is applied again",
        600,
        _only_the_last_state_applied_again,
    ),
    Defect("a user has two saves under way", 50, _two_saves_under_way),
    Defect(
        "changes during a save are taken for saved", 75, _changes_during_a_save_are_taken_for_saved
    ),
    Defect(
        "a repeat is settled while what it repeats is being saved",
        75,
        _a_no_op_is_settled_while_a_save_is_under_way,
    ),
    Defect("a user leaves memory with something unsaved", 25, _leaves_with_something_unsaved),
    Defect("a user never leaves memory", 10, _never_leaves),
    Defect("a user has room for any number of alarms", 100, _room_without_end),
)
