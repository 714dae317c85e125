"""The in-flight table: from a message's arrival until it is settled."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actors.messages import AlarmStatusChanged, SendDigest
from actors.ports import DeliveryToken
from actors.rejections import Rejection, RejectionKind
from actors.rules.alarms import AlarmID, Severity, UserID
from actors.rules.digest import RequestID
from bus.inbound.intake import Intake, Message
from bus.subjects import Subjects
from bus.tally import BusTally

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest

    from actors.messages import Deliveries, Delivery

SUBJECTS = Subjects()
EVENT_BODY = b'{"UserID":"u1","AlarmID":"a1","Status":"WARNING","ChangedAt":"1970-01-01T00:00:00Z"}'
EVENT = AlarmStatusChanged(UserID("u1"), AlarmID("a1"), Severity.WARNING, 0)
CRASHED = Rejection(RejectionKind.CRASHED, "the handling crashed")
NOW_S = 41.5


class Desk:
    """An intake, and everything it handed on."""

    def __init__(self, max_body_bytes: int = 1000) -> None:
        """Open an empty one."""
        self.batches: list[tuple[Delivery, ...]] = []
        self.rejected: list[tuple[Message, Rejection, Callable[[], None]]] = []
        self.settled: list[tuple[list[Message], str | None]] = []
        self.tally = BusTally()
        self.intake = Intake(
            SUBJECTS,
            max_body_bytes,
            self._deliver,
            self._reject,
            self._settle,
            self.tally,
            lambda: NOW_S,
        )

    def take(self, *messages: Message) -> None:
        """Have a batch arrive."""
        self.intake.take(messages)

    def tokens(self) -> list[DeliveryToken]:
        """Return the tokens of everything that was enqueued, in order."""
        return [delivery.token for batch in self.batches for delivery in batch]

    def _deliver(self, deliveries: Deliveries) -> None:
        self.batches.append(deliveries.items)

    def _reject(self, message: Message, rejection: Rejection, done: Callable[[], None]) -> None:
        self.rejected.append((message, rejection, done))

    def _settle(self, messages: list[Message], rejection: str | None) -> None:
        self.settled.append((messages, rejection))


def event(sequence: int, attempt: int = 1, body: bytes = EVENT_BODY) -> Message:
    """Return a delivery of an event."""
    subject = SUBJECTS.alarm_status_changed
    return Message(subject, body, f"ack.{sequence}.{attempt}", f"id.{sequence}", sequence)


def request(identity: str | None) -> Message:
    """Return a delivery of a request."""
    return Message(SUBJECTS.send_alarm_digest, b'{"UserID":"u1"}', "ack.r", identity, 1)


def test_a_batch_is_decoded_and_enqueued_in_order() -> None:
    """Events that precede a request in the stream precede it in the batch."""
    desk = Desk()
    desk.take(event(1), request("id.2"), event(3))
    [batch] = desk.batches
    assert [delivery.body for delivery in batch] == [
        EVENT,
        SendDigest(UserID("u1"), RequestID("id.2"), NOW_S),
        EVENT,
    ]
    assert len({delivery.token for delivery in batch}) == 3
    assert [delivery.attempt for delivery in batch] == [1, 1, 1]
    assert desk.intake.size == 3
    assert desk.settled == []


def test_a_request_that_cannot_be_redelivered_has_no_id() -> None:
    """On core NATS nothing comes twice, and nothing need be remembered."""
    desk = Desk()
    desk.take(request(None))
    assert desk.batches[0][0].body == SendDigest(UserID("u1"), None, NOW_S)


def test_a_settled_message_is_acknowledged_once() -> None:
    """In one burst, in the order of the tokens; a second time is ignored."""
    desk = Desk()
    desk.take(event(1), event(2), event(3))
    first, second, _ = desk.tokens()
    desk.intake.settle([second, first])
    desk.intake.settle([first, second, DeliveryToken(99)])
    assert desk.settled == [([event(2), event(1)], None)]
    assert desk.intake.size == 1


def test_a_redelivery_in_memory_replaces_the_address_and_is_not_enqueued_again() -> None:
    """The work is under way; only the way to acknowledge it has changed."""
    desk = Desk()
    desk.take(event(1))
    desk.take(event(1, attempt=2), event(1, attempt=3))
    assert len(desk.tokens()) == 1
    assert desk.intake.size == 1
    desk.intake.settle(desk.tokens())
    assert desk.settled == [([event(1, attempt=3)], None)]


def test_a_message_twice_in_one_batch_is_enqueued_once() -> None:
    """The redelivery may come right behind the first."""
    desk = Desk()
    desk.take(event(1), event(1, attempt=2))
    assert len(desk.tokens()) == 1
    desk.intake.settle(desk.tokens())
    assert desk.settled == [([event(1, attempt=2)], None)]


def test_a_redelivery_after_it_was_settled_is_enqueued_again() -> None:
    """Its acknowledgement was lost: it must be settled anew, under a new token."""
    desk = Desk()
    desk.take(event(1))
    desk.intake.settle(desk.tokens())
    desk.take(event(1, attempt=2))
    first, again = desk.tokens()
    assert first != again
    desk.intake.settle([first])
    assert len(desk.settled) == 1
    desk.intake.settle([again])
    assert desk.settled[1] == ([event(1, attempt=2)], None)


def test_messages_without_identity_are_never_taken_for_one_another() -> None:
    """Core NATS has no redelivery; two equal messages are two."""
    desk = Desk()
    desk.take(request(None), request(None))
    assert len(desk.tokens()) == 2
    desk.intake.settle(desk.tokens())
    assert desk.settled == [([request(None), request(None)], None)]
    assert desk.intake.size == 0


def test_a_rejected_message_is_settled_only_once_its_dead_letter_is_durable() -> None:
    """Until then it counts as in flight, and nothing else may settle it."""
    desk = Desk()
    bad = event(1, body=b"{}")
    desk.take(bad, event(2))
    [(message, rejection, done)] = desk.rejected
    expected = Rejection(RejectionKind.BAD_FIELD, "UserID is missing")
    assert (message, rejection) == (bad, expected)
    assert [delivery.body for delivery in desk.batches[0]] == [EVENT]
    assert desk.intake.size == 2
    desk.intake.settle([DeliveryToken(1)])
    assert desk.settled == []
    done()
    assert desk.settled == [([bad], "UserID is missing")]
    done()
    assert len(desk.settled) == 1
    assert desk.intake.size == 1
    assert not desk.intake._rejecting, "rejected messages must not pile up"


def test_a_body_over_the_limit_is_rejected() -> None:
    """The limit is the intake's setting."""
    desk = Desk(max_body_bytes=10)
    desk.take(event(1), request("id.2"))
    exceeded = [f"the body of {size} bytes exceeds 10 bytes" for size in (len(EVENT_BODY), 15)]
    assert [rejection.reason for _, rejection, _ in desk.rejected] == exceeded
    assert desk.batches == []


def test_a_rejected_message_that_comes_again_is_not_rejected_twice() -> None:
    """Its dead letter is on the way; the newest address gets the acknowledgement."""
    desk = Desk()
    desk.take(event(1, body=b"{}"))
    desk.take(event(1, attempt=2, body=b"{}"))
    [(_, _, done)] = desk.rejected
    done()
    assert desk.settled == [([event(1, attempt=2, body=b"{}")], "UserID is missing")]


def test_a_message_that_crashes_its_handling_becomes_a_dead_letter() -> None:
    """Once, however often it is asked for, and settled when that is durable."""
    desk = Desk()
    desk.take(event(1), event(2))
    first, second = desk.tokens()
    desk.intake.dead_letter([first, DeliveryToken(99)], CRASHED)
    desk.intake.dead_letter([first], CRASHED)
    [(message, rejection, done)] = desk.rejected
    assert (message, rejection) == (event(1), CRASHED)
    desk.intake.settle([first, second])
    assert desk.settled == [([event(2)], None)]
    done()
    assert desk.settled[1] == ([event(1)], CRASHED.reason)
    assert desk.intake.size == 0


def test_a_settled_message_makes_no_dead_letter() -> None:
    """It is done with."""
    desk = Desk()
    desk.take(event(1))
    desk.intake.settle(desk.tokens())
    desk.intake.dead_letter(desk.tokens(), CRASHED)
    assert desk.rejected == []


def test_strangers_are_acknowledged_and_ignored() -> None:
    """Somebody else's stream may capture more than our two subjects."""
    desk = Desk()
    stranger = Message("AlarmRenamed", b"?", "ack.9", "id.9", 9)
    desk.take(stranger, event(1))
    assert desk.settled == [([stranger], None)]
    assert desk.intake.size == 1
    assert len(desk.tokens()) == 1


def test_what_is_held_since_a_token_is_named_oldest_first() -> None:
    """Up to the token and not settled: these need their timer restarted."""
    desk = Desk()
    assert desk.intake.last_token == 0
    desk.take(event(1), event(2, body=b"{}"), event(3))
    then = desk.intake.last_token
    desk.take(event(4))
    desk.intake.settle([desk.tokens()[0]])
    desk.take(event(3, attempt=2))
    held = desk.intake.held_since(then)
    assert held == [event(2, body=b"{}"), event(3, attempt=2)]
    assert desk.intake.held_since(DeliveryToken(0)) == []
    assert desk.intake.last_token == then + 1


def test_nothing_is_handed_on_when_nothing_arrived() -> None:
    """An empty batch would wake the router for nothing."""
    desk = Desk()
    desk.take()
    desk.intake.settle([])
    assert (desk.batches, desk.settled) == ([], [])


def test_what_is_disowned_is_settled_without_an_address() -> None:
    """Whoever acknowledges must not do so in a stream that has taken the name of its own."""
    desk = Desk()
    desk.take(event(1))
    desk.intake.disown()
    desk.take(event(2))
    desk.intake.settle(desk.tokens())
    ((settled, _),) = desk.settled
    assert [message.reply for message in settled] == ["", "ack.2.1"]
    assert desk.intake.size == 0


def test_large_bodies_fill_the_table_before_their_number_does(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Counted once each, until they are settled, be it as dead letters."""
    body = EVENT_BODY + b" " * (500 - len(EVENT_BODY))
    monkeypatch.setattr("bus.inbound.intake.BODIES_MAX_BYTES", 1500)
    desk = Desk()
    room: list[bool] = []

    def look() -> None:
        room.append(desk.intake.has_room)

    desk.take(event(1, body=body), event(2, body=body), event(1, attempt=2, body=body))
    look()
    desk.take(event(3, body=b"x" * 500))
    look()
    _, _, done = desk.rejected[0]
    done()
    look()
    desk.take(event(4, body=body))
    look()
    for _ in range(2):
        desk.intake.settle(desk.tokens())
    desk.take(event(5, body=body), event(6, body=body))
    look()
    assert room == [True, False, True, False, True]
