"""Mistakes in router, publisher, store of users and bus."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from actors.pacing import SavePacing
from actors.ports import SaveOutcome
from actors.publisher import PublisherActor
from actors.router.actor import RouterActor
from actors.router.directory import Directory
from bus.inbound.intake import Intake
from bus.inbound.log_reader import LogReader
from bus.outbound import digests
from bus.wire import codec
from bus.wire.instants import parse_instant
from store.users.memory import InMemoryCheckpointStore
from tests.simulation.defects.defect import Defect

if TYPE_CHECKING:
    import pytest
    from pykka import ActorRef

    from actors.errors import PublishFailedError
    from actors.messages.inputs import AlarmStatusChanged, Delivery
    from actors.ports import CheckpointUpdate, Unsavable
    from actors.rules.alarms import UserID
    from actors.rules.digest import Digest, DigestID
    from bus.inbound.intake import _Rejections
    from bus.wire.codec import DigestPart

_end = PublisherActor._end
_replace = RouterActor._replace
_save = InMemoryCheckpointStore._save
_dead_letter = Intake._dead_letter
_mind_letters = LogReader._mind_letters


def _idle_users_stay(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(RouterActor, "_shed_idle", lambda _: None)


def _too_many_users_stay(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Directory, "excess", lambda *_: [])


def _alarms_are_not_counted(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Directory, "note_beyond", lambda *_: None)


def _nobody_is_told_to_save(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(SavePacing, "save_later", lambda *_: None)


def _mail_behind_a_stop_is_dropped(patch: pytest.MonkeyPatch) -> None:
    def replace(
        self: RouterActor, user_id: UserID, ref: ActorRef[Any], returned: tuple[Delivery, ...]
    ) -> None:
        leaving = self._users.leaving.get(user_id)
        if leaving is not None and leaving.failure is None:
            leaving.waiting.clear()
        _replace(self, user_id, ref, returned)

    patch.setattr(RouterActor, "_replace", replace)


def _a_crashed_users_mail_is_dropped(patch: pytest.MonkeyPatch) -> None:
    def replace(
        self: RouterActor, user_id: UserID, ref: ActorRef[Any], returned: tuple[Delivery, ...]
    ) -> None:
        del returned
        _replace(self, user_id, ref, ())

    patch.setattr(RouterActor, "_replace", replace)


def _a_failed_publication_is_given_up(patch: pytest.MonkeyPatch) -> None:
    def end(self: PublisherActor, name: DigestID, error: PublishFailedError | None) -> None:
        del error
        _end(self, name, None)

    patch.setattr(PublisherActor, "_end", end)


def _a_save_overwrites_whatever_is_there(patch: pytest.MonkeyPatch) -> None:
    def save(self: InMemoryCheckpointStore, update: CheckpointUpdate) -> SaveOutcome | Unsavable:
        while (outcome := _save(self, update)) is SaveOutcome.CONFLICTED:
            update = type(update)(
                update.user_id, update.base_version + 1, update.alarms, update.cursor
            )
        return outcome

    patch.setattr(InMemoryCheckpointStore, "_save", save)


def _a_digest_is_cut_where_it_is_too_long(patch: pytest.MonkeyPatch) -> None:
    def encode_digest(digest: Digest, max_bytes: int) -> list[DigestPart]:
        return codec.encode_digest(digest, max_bytes)[:1]

    patch.setattr(digests, "encode_digest", encode_digest)


def _microseconds_will_do(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("bus.wire.codec.parse_instant", lambda text: parse_instant(text) // 1000 * 1000)


def _fields_are_carried_over_between_messages(patch: pytest.MonkeyPatch) -> None:
    kept: dict[str, Any] = {}

    def decode(body: bytes, max_bytes: int) -> AlarmStatusChanged:
        try:
            fields = json.loads(body)
        except ValueError:
            fields = {}
        kept.update({key.lower(): value for key, value in fields.items()})
        return codec.decode_alarm_status_changed(json.dumps(kept).encode(), max_bytes)

    patch.setattr("bus.inbound.intake.decode_alarm_status_changed", decode)


def _a_bad_message_is_settled_before_its_dead_letter(patch: pytest.MonkeyPatch) -> None:
    def dead_letter(self: Intake, rejections: _Rejections) -> int:
        rejected = list(rejections)
        for token, _ in rejected:
            kept = self._in_flight[token]
            self.settle([token])
            self._in_flight[token] = kept
        return _dead_letter(self, rejected)

    patch.setattr(Intake, "_dead_letter", dead_letter)


def _what_was_set_aside_is_not_read_on(patch: pytest.MonkeyPatch) -> None:
    def mind_letters(self: LogReader) -> None:
        if self._intake.letters.is_clogged:
            _mind_letters(self)
        else:
            self._aside = None

    patch.setattr(LogReader, "_mind_letters", mind_letters)


DEFECTS = (
    Defect("idle users stay in memory", 10, _idle_users_stay),
    Defect("too many users stay in memory", 25, _too_many_users_stay),
    Defect("large users count as small ones", 50, _alarms_are_not_counted),
    Defect("nobody is told to save", 10, _nobody_is_told_to_save),
    Defect("mail behind a stop is dropped", 250, _mail_behind_a_stop_is_dropped),
    Defect("a crashed user's mail is dropped", 100, _a_crashed_users_mail_is_dropped),
    Defect("a failed publication is given up", 50, _a_failed_publication_is_given_up),
    Defect("a save overwrites whatever is there", 150, _a_save_overwrites_whatever_is_there),
    Defect("a digest is cut where it is too long", 75, _a_digest_is_cut_where_it_is_too_long),
    Defect("instants are kept in microseconds", 10, _microseconds_will_do),
    Defect(
        "fields are carried over between messages", 25, _fields_are_carried_over_between_messages
    ),
    Defect(
        "a bad message is settled before its dead letter",
        75,
        _a_bad_message_is_settled_before_its_dead_letter,
    ),
    Defect("what was set aside is not read on", 250, _what_was_set_aside_is_not_read_on),
)
