"""An unstarted user actor, whose methods a test calls, between addresses that the test reads."""

from __future__ import annotations

import itertools
from typing import Any

from actors.messages.checkpoints import RecoverUser, SaveCheckpoint
from actors.messages.inputs import AlarmStatusChanged, Delivery, SendDigest
from actors.messages.publisher import PublishOutbox
from actors.messages.router import CheckpointWanted
from actors.messages.user import (
    Checkpointed,
    HandleDeliveries,
    OutboxPublished,
    Recovered,
    TakeCheckpoint,
)
from actors.ports import NEVER_SAVED, Checkpoint, DeliveryToken
from actors.rules.alarms import Alarm, AlarmID, Retention, Severity, UserID
from actors.rules.digest import Cursor, Digest, DigestID, DigestItem
from actors.rules.positions import Place
from actors.runtime.simulated import ManualClock
from actors.runtime.sliced import GoOn
from actors.settings import CoreSettings
from actors.tally import CoreTally
from actors.user.actor import UserActor
from actors.user.context import UserContext
from tests.doubles import IdleDispatcher, Inbox, NumberedIds, RecordingAcknowledger

USER = UserID("u1")
A, B = AlarmID("a"), AlarmID("b")
WARNING, CRITICAL, CLEARED = Severity.WARNING, Severity.CRITICAL, Severity.CLEARED
NOW_S = 1_700_000_000
OWED = Digest(DigestID("owed"), USER, (DigestItem(A, WARNING, 5),))
OWING = Checkpoint(
    7,
    {A: Alarm(WARNING, 5, WARNING, 5, news=False, heard_at_s=NOW_S)},
    Cursor(1, Place(1, 1), (OWED,)),
)
"""A user whose last digest may not have been published."""


class Poison(str):
    """An alarm id at which the handling of an event crashes."""

    __slots__ = ()

    def __hash__(self) -> int:
        """Crash."""
        raise ArithmeticError("poison")


class UserDesk:
    """The actor, its neighbours and its ports."""

    def __init__(
        self, checkpoint: Checkpoint | None = None, alarm_share: int = 10**6, **settings: Any
    ) -> None:
        """Set it up; with a checkpoint, recovered from that."""
        self.router, self.checkpointer, self.urgent, self.recovery, self.publisher = (
            Inbox() for _ in range(5)
        )
        self.acknowledger = RecordingAcknowledger()
        self.clock = ManualClock(NOW_S)
        self.ids = NumberedIds()
        self.tally = CoreTally()
        self._tokens = itertools.count(1)
        core = CoreSettings(**settings)
        context = UserContext(
            core,
            self.router.actor_ref,
            self.checkpointer.actor_ref,
            self.urgent.actor_ref,
            self.recovery.actor_ref,
            self.publisher.actor_ref,
            self.acknowledger,
            self.clock,
            self.ids,
            Retention(core.cleared_retention_s),
            self.tally,
            alarm_share=alarm_share,
        )
        self.user = UserActor(IdleDispatcher(), USER, context)
        self.slices = 0
        """Slices of work that the actor did, of what it was told."""
        self.user.on_start()
        if checkpoint is not None:
            self.recover(checkpoint)

    def tell(self, message: Any) -> Any:
        """Have the actor handle a message, and go on until nothing is in hand."""
        answer = self.user.on_receive(message)
        while self.slice():
            pass
        return answer

    def slice(self) -> bool:
        """Have it do a slice of what is in hand; whether there was any."""
        mail = self.user.mailbox.mail
        if not mail or type(mail[0]) is not GoOn:
            return False
        self.slices += 1
        self.user.on_receive(mail.pop(0))
        return True

    def event(
        self, alarm_id: AlarmID = A, severity: Severity = WARNING, at_ns: int = 5
    ) -> Delivery:
        """Return an event's delivery."""
        body = AlarmStatusChanged(USER, alarm_id, severity, at_ns)
        return Delivery(DeliveryToken(next(self._tokens)), body)

    def request(self, number: int | None = 1) -> Delivery:
        """Return the delivery of the request that is the log's ``number``; None: of no log."""
        body = SendDigest(USER, None if number is None else Place(number, number))
        return Delivery(DeliveryToken(next(self._tokens)), body)

    def deliver(self, *items: Delivery, save: bool = False) -> None:
        """Have deliveries arrive; ``save``: and be told to save then."""
        self.tell(HandleDeliveries(items))
        if save:
            self.tell(TakeCheckpoint())

    def recover(self, checkpoint: Checkpoint = NEVER_SAVED) -> None:
        """Answer the one recovery that was asked for."""
        assert self.recovery.take() == [RecoverUser(USER, self.user.actor_ref)]
        self.tell(Recovered(checkpoint))

    def saves(self) -> list[SaveCheckpoint]:
        """Return the saves that were sent since the last time, urgent or not."""
        saves = [*self.urgent.take(), *self.checkpointer.take()]
        assert all(save.reply_to is self.user.actor_ref for save in saves)
        return saves

    def save(self) -> SaveCheckpoint:
        """Return the one save that was sent since the last time."""
        [save] = self.saves()
        return save

    def saved(self) -> SaveCheckpoint:
        """Have the one save that was sent succeed; return it."""
        save = self.save()
        self.tell(Checkpointed())
        return save

    def publications(self) -> list[tuple[Digest, ...]]:
        """Return the outboxes that were handed to the publisher since the last time."""
        messages = self.publisher.take()
        assert all(type(message) is PublishOutbox for message in messages)
        assert all(message.reply_to is self.user.actor_ref for message in messages)
        return [message.digests for message in messages]

    def all_published(self) -> tuple[Digest, ...]:
        """Have the one outbox that is with the publisher reach the stream; return it."""
        [digests] = self.publications()
        self.tell(OutboxPublished(digests[0].digest_id))
        return digests

    def published(self) -> Digest:
        """Have the one digest that is with the publisher reach the stream; return it."""
        [digest] = self.all_published()
        return digest

    def group(self) -> None:
        """Have the user's wish to be saved with the next group fulfilled."""
        assert self.router.take() == [CheckpointWanted(USER, self.user.actor_ref)]
        self.tell(TakeCheckpoint())
