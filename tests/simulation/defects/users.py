"""Mistakes in the user actor: what is saved, acknowledged, published and kept when."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actors.messages.router import PassivationDeclined
from actors.messages.user import CheckpointConflicted
from actors.ports import Checkpoint
from actors.rules.alarms import Severity
from actors.user.actor import UserActor
from tests.simulation.defects.defect import Defect

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pytest

    from actors.messages.inputs import Delivery
    from actors.messages.user import UserMessage

_apply = UserActor._apply
_answer_requests = UserActor._answer_requests
_on_recovered = UserActor._on_recovered
_on_receive = UserActor.on_receive
_reload = UserActor._reload
_save = UserActor._save


def _acknowledged_before_saved(patch: pytest.MonkeyPatch) -> None:
    def apply(self: UserActor, items: Sequence[Delivery]) -> None:
        _apply(self, items)
        self._context.acknowledger.acknowledge([item.token for item in items])

    patch.setattr(UserActor, "_apply", apply)


def _published_before_saved(patch: pytest.MonkeyPatch) -> None:
    def answer_requests(self: UserActor) -> None:
        before = self._cursor.outbox
        _answer_requests(self)
        if self._cursor.outbox is not before:
            self._publish()

    patch.setattr(UserActor, "_answer_requests", answer_requests)


def _acknowledged_before_published(patch: pytest.MonkeyPatch) -> None:
    def answer_requests(self: UserActor) -> None:
        _answer_requests(self)
        if self._answering is not None:
            self._unsaved.append(self._answering)
            self._answering = None

    patch.setattr(UserActor, "_answer_requests", answer_requests)


def _outbox_not_published_after_a_reload(patch: pytest.MonkeyPatch) -> None:
    def on_recovered(self: UserActor, checkpoint: Checkpoint) -> None:
        with patch.context() as mute:
            mute.setattr(UserActor, "_publish", lambda _: None)
            _on_recovered(self, checkpoint)

    patch.setattr(UserActor, "_on_recovered", on_recovered)


def _outbox_dropped_on_a_reload(patch: pytest.MonkeyPatch) -> None:
    def on_recovered(self: UserActor, checkpoint: Checkpoint) -> None:
        cursor = checkpoint.cursor
        emptied = type(cursor)(cursor.number, cursor.answered, None)
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
    def answer_requests(self: UserActor) -> None:
        changed = dict(self._changed)
        _answer_requests(self)
        self._changed = changed

    patch.setattr(UserActor, "_answer_requests", answer_requests)


def _stash_dropped_on_recovery(patch: pytest.MonkeyPatch) -> None:
    def on_recovered(self: UserActor, checkpoint: Checkpoint) -> None:
        self._context.acknowledger.acknowledge([item.token for item in self._stash])
        self._stash = []
        _on_recovered(self, checkpoint)

    patch.setattr(UserActor, "_on_recovered", on_recovered)


def _conflict_ignored(patch: pytest.MonkeyPatch) -> None:
    def on_receive(self: UserActor, message: UserMessage) -> None:
        if isinstance(message, CheckpointConflicted):
            self._context.acknowledger.acknowledge([item.token for item in self._saving or ()])
            self._on_checkpointed()
        else:
            _on_receive(self, message)

    patch.setattr(UserActor, "on_receive", on_receive)


def _unsaved_events_dropped_on_a_conflict(patch: pytest.MonkeyPatch) -> None:
    def reload(self: UserActor, deliveries: list[Delivery]) -> None:
        self._context.acknowledger.acknowledge([item.token for item in deliveries])
        _reload(self, [])

    patch.setattr(UserActor, "_reload", reload)


def _only_what_followed_the_save_applied_again(patch: pytest.MonkeyPatch) -> None:
    def reload(self: UserActor, deliveries: list[Delivery]) -> None:
        saving = {item.token for item in self._saving or ()}
        _reload(self, [item for item in deliveries if item.token not in saving])

    patch.setattr(UserActor, "_reload", reload)


def _two_saves_under_way(patch: pytest.MonkeyPatch) -> None:
    def save(self: UserActor, *, urgent: bool) -> None:
        self._saving = None
        _save(self, urgent=urgent)

    patch.setattr(UserActor, "_save", save)


def _changes_during_a_save_are_taken_for_saved(patch: pytest.MonkeyPatch) -> None:
    def save(self: UserActor, *, urgent: bool) -> None:
        if self._saving is None:
            _save(self, urgent=urgent)
        else:
            self._saving += self._unsaved
            self._unsaved = []

    patch.setattr(UserActor, "_save", save)


def _leaves_with_something_unsaved(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(UserActor, "_passivate", lambda self: self._leave(()))


def _never_leaves(patch: pytest.MonkeyPatch) -> None:
    def passivate(self: UserActor) -> None:
        self._context.router.tell(PassivationDeclined(self._user_id, self.actor_ref))

    patch.setattr(UserActor, "_passivate", passivate)


def _a_no_op_is_acknowledged_while_a_save_is_under_way(patch: pytest.MonkeyPatch) -> None:
    def apply(self: UserActor, items: Sequence[Delivery]) -> None:
        before = len(self._changed)
        _apply(self, items)
        if len(self._changed) == before and not self._requests and self._answering is None:
            self._context.acknowledger.acknowledge([item.token for item in self._unsaved])
            self._unsaved = []

    patch.setattr(UserActor, "_apply", apply)


def _acknowledged_with_the_wrong_save(patch: pytest.MonkeyPatch) -> None:
    def save(self: UserActor, *, urgent: bool) -> None:
        if self._saving is not None:
            tokens = tuple(item.token for item in self._unsaved)
            self._context.acknowledger.acknowledge(tokens)
        _save(self, urgent=urgent)

    patch.setattr(UserActor, "_save", save)


def _room_without_end(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(UserActor, "_has_room_for", lambda *_: True)


DEFECTS = (
    Defect("events are acknowledged before they are saved", 10, _acknowledged_before_saved),
    Defect("a digest is published before it is saved", 10, _published_before_saved),
    Defect(
        "a request is acknowledged before its digest is published",
        10,
        _acknowledged_before_published,
    ),
    Defect("the outbox is not published after a reload", 25, _outbox_not_published_after_a_reload),
    Defect("the outbox is dropped on a reload", 50, _outbox_dropped_on_a_reload),
    Defect("the told mark is lost on a reload", 25, _told_mark_lost_on_a_reload),
    Defect("the told mark is not saved", 10, _told_mark_not_saved),
    Defect("what came during the recovery is dropped", 10, _stash_dropped_on_recovery),
    Defect("a conflict is taken for a success", 50, _conflict_ignored),
    Defect("unsaved events are dropped on a conflict", 50, _unsaved_events_dropped_on_a_conflict),
    Defect(
        "on a conflict only what followed the save is applied again",
        25,
        _only_what_followed_the_save_applied_again,
    ),
    Defect("a user has two saves under way", 50, _two_saves_under_way),
    Defect(
        "changes during a save are taken for saved", 75, _changes_during_a_save_are_taken_for_saved
    ),
    Defect(
        "during a save the next messages are acknowledged", 50, _acknowledged_with_the_wrong_save
    ),
    Defect(
        "a repeat is acknowledged while what it repeats is being saved",
        50,
        _a_no_op_is_acknowledged_while_a_save_is_under_way,
    ),
    Defect("a user leaves memory with something unsaved", 25, _leaves_with_something_unsaved),
    Defect("a user never leaves memory", 10, _never_leaves),
    Defect("a user has room for any number of alarms", 500, _room_without_end),
)
