"""The in-flight table: from a message's arrival until it is settled."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from actors.messages.inputs import AlarmStatusChanged, SendDigest
from actors.ports import DeliveryToken
from actors.rejections import Rejection, RejectionKind
from actors.rules.alarms import AlarmID, Severity, UserID
from actors.rules.partitions import partition_of
from actors.rules.positions import BEGIN, Ledger, Place
from bus.inbound.intake import Intake
from bus.inbound.log_home import Wanted
from bus.inbound.log_source import LogMessage, LogMessages
from bus.subjects import Subjects
from bus.tally import BusTally
from bus.wire.codec import decode_alarm_status_changed
from bus.wire.message import Message
from tests.unit.bus.letters import RecordingLetters

if TYPE_CHECKING:
    from actors.messages.inputs import Delivery
    from actors.messages.router import RouteDeliveries

SUBJECTS = Subjects()
EVENT_BODY = b'{"UserID":"u1","AlarmID":"a1","Status":"WARNING","ChangedAt":"1970-01-01T00:00:00Z"}'
EVENT = AlarmStatusChanged(UserID("u1"), AlarmID("a1"), Severity.WARNING, 0)
CRASHED = Rejection(RejectionKind.CRASHED, "the handling crashed")
NOW_S = 41.5


class Desk:
    """An intake, and everything it handed on."""

    def __init__(self, max_body_bytes: int = 1000, max_in_flight: int = 1000) -> None:
        """Open an empty one."""
        self.batches: list[tuple[Delivery, ...]] = []
        self.letters = RecordingLetters()
        self.settled: list[tuple[list[Message], str | None]] = []
        self.foreign: list[str] = []
        self.wanted = Wanted.nothing(Ledger())
        self.tally = BusTally()
        self.intake = Intake(
            SUBJECTS,
            max_body_bytes,
            max_in_flight,
            self._deliver,
            self.letters,
            self._settle,
            self.tally,
            lambda: NOW_S,
            tell_foreign=self.foreign.append,
        )

    def take(self, *messages: Message) -> None:
        """Have a batch of core NATS arrive."""
        self.intake.take(messages)

    def read(self, *messages: LogMessage, before: Place = BEGIN) -> None:
        """Have a stretch of the log arrive."""
        self.intake.read(LogMessages.of(messages), self.wanted, before)

    def want(self, *numbers: int, bar: int = 0) -> list[Ledger]:
        """Be at home for partitions, from above ``bar``; return their ledgers."""
        ledgers = [Ledger() for _ in numbers]
        for number, ledger in zip(numbers, ledgers, strict=True):
            self.wanted.bars[number] = bar
            self.wanted.ledgers[number] = ledger
        return ledgers

    def tokens(self) -> list[DeliveryToken]:
        """Return the tokens of everything that was enqueued, in order."""
        return [delivery.token for batch in self.batches for delivery in batch]

    def _deliver(self, deliveries: RouteDeliveries) -> None:
        self.batches.append(deliveries.items)

    def _settle(self, messages: list[Message], rejection: str | None) -> None:
        self.settled.append((messages, rejection))


def place(sequence: int) -> Place:
    """Return a place on core NATS."""
    return Place(sequence, 0, "core")


def event(sequence: int, body: bytes = EVENT_BODY) -> Message:
    """Return an event of core NATS."""
    return Message(SUBJECTS.alarm_status_changed, body, f"reply.{sequence}", place(sequence))


def request(sequence: int) -> Message:
    """Return a request of core NATS."""
    return Message(SUBJECTS.send_alarm_digest, b'{"UserID":"u1"}', "reply.r", place(sequence))


def logged(sequence: int, body: bytes = EVENT_BODY, headers: bytes = b"") -> LogMessage:
    """Return an event of the log."""
    return LogMessage(SUBJECTS.alarm_status_changed, body, headers, sequence, sequence * 10)


def test_a_batch_is_decoded_and_enqueued_in_order() -> None:
    """Events that precede a request in the stream precede it in the batch."""
    desk = Desk()
    desk.take(event(1), request(2), event(3))
    [batch] = desk.batches
    assert [delivery.body for delivery in batch] == [
        EVENT,
        SendDigest(UserID("u1"), place(2), NOW_S),
        EVENT,
    ]
    assert len({delivery.token for delivery in batch}) == 3
    assert [delivery.attempt for delivery in batch] == [1, 1, 1]
    assert desk.intake.size == 3
    assert desk.settled == []


def test_a_settled_message_is_acknowledged_once() -> None:
    """In one burst, in the order of the tokens; a second time is ignored."""
    desk = Desk()
    desk.take(event(1), event(2), event(3))
    first, second, _ = desk.tokens()
    desk.intake.settle([second, first])
    desk.intake.settle([first, second, DeliveryToken(99)])
    assert desk.settled == [([event(2), event(1)], None)]
    assert desk.intake.size == 1


def test_a_rejected_message_is_settled_only_once_its_dead_letter_is_durable() -> None:
    """Until then it counts as in flight, and nothing else may settle it."""
    desk = Desk()
    bad = event(1, body=b"{}")
    desk.take(bad, event(2))
    [(_, message, rejection)] = desk.letters.rejected
    done = desk.letters.store
    expected = Rejection(RejectionKind.BAD_FIELD, "UserID is missing")
    assert (message, rejection) == (bad, expected)
    assert [delivery.body for delivery in desk.batches[0]] == [EVENT]
    assert desk.intake.size == 2
    desk.intake.settle([DeliveryToken(1)])
    assert desk.settled == []
    done()
    answered = ([bad], "UserID is missing")
    assert desk.settled == [answered, ([], None)]
    done()
    assert desk.settled.count(answered) == 1
    assert desk.intake.size == 1
    assert not desk.intake._rejecting, "rejected messages must not pile up"


def test_what_is_rejected_of_a_batch_is_handed_over_at_once() -> None:
    """A call and a callback for each cost more than all the rest of a dead letter."""
    desk = Desk()
    desk.want(0)
    desk.read(*[logged(sequence, b"{}") for sequence in range(1, 100)])
    assert (desk.letters.calls, len(desk.letters.rejected)) == (1, 99)
    desk.take(event(100, b"["), event(101), event(102, b"["))
    assert (desk.letters.calls, len(desk.letters.rejected)) == (2, 101)


def test_a_body_over_the_limit_is_rejected() -> None:
    """The limit is the intake's setting."""
    desk = Desk(max_body_bytes=10)
    desk.take(event(1), request(2))
    exceeded = [f"the body of {size} bytes exceeds 10 bytes" for size in (len(EVENT_BODY), 15)]
    assert [one.rejection.reason for one in desk.letters.rejected] == exceeded
    assert desk.batches == []


def test_a_message_that_crashes_its_handling_becomes_a_dead_letter() -> None:
    """Once, however often it is asked for, and settled when that is durable."""
    desk = Desk()
    desk.take(event(1), event(2))
    first, second = desk.tokens()
    desk.intake.dead_letter([first, DeliveryToken(99)], CRASHED)
    desk.intake.dead_letter([first], CRASHED)
    [(_, message, rejection)] = desk.letters.rejected
    assert (message, rejection) == (event(1), CRASHED)
    desk.intake.settle([first, second])
    assert desk.settled == [([event(2)], None)]
    desk.letters.store()
    assert desk.settled[1:] == [([event(1)], CRASHED.reason), ([], None)]
    assert desk.intake.size == 0


def test_a_settled_message_makes_no_dead_letter() -> None:
    """It is done with."""
    desk = Desk()
    desk.take(event(1))
    desk.intake.settle(desk.tokens())
    desk.intake.dead_letter(desk.tokens(), CRASHED)
    assert desk.letters.rejected == []


def test_nothing_is_handed_on_when_nothing_arrived() -> None:
    """An empty batch would wake the router for nothing."""
    desk = Desk()
    desk.take()
    desk.intake.settle([])
    assert (desk.batches, desk.settled) == ([], [])


def test_large_bodies_fill_the_table_before_their_number_does(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Counted once each, until they are settled, be it as dead letters."""
    body = EVENT_BODY + b" " * (500 - len(EVENT_BODY))
    monkeypatch.setattr("bus.inbound.intake.BODIES_MAX_BYTES", 1500)
    desk = Desk()
    room: list[bool] = []

    def look() -> None:
        room.append(desk.intake.room_bytes > 0)

    desk.take(event(1, body=body), event(2, body=body))
    look()
    desk.take(event(3, body=b"x" * 500))
    look()
    desk.letters.store()
    look()
    desk.take(event(4, body=body))
    look()
    for _ in range(2):
        desk.intake.settle(desk.tokens())
    desk.take(event(5, body=body), event(6, body=body))
    look()
    assert room == [True, False, True, False, True]


HOME = partition_of(UserID("u1"))
OTHER = next(f"u{n}" for n in range(99) if partition_of(UserID(f"u{n}")) not in (0, HOME))
OTHERS_BODY = EVENT_BODY.replace(b"u1", OTHER.encode())
AT_0 = next(f"u{n}" for n in range(999) if partition_of(UserID(f"u{n}")) == 0)


def test_what_is_not_at_home_here_is_skipped() -> None:
    """Neither decoded into a delivery nor counted as taken."""
    desk = Desk()
    [ledger] = desk.want(HOME)
    desk.read(logged(1), logged(2, OTHERS_BODY), logged(3))
    assert [delivery.body for delivery in desk.batches[0]] == [EVENT, EVENT]
    assert (desk.tally.taken, desk.tally.skipped, len(ledger)) == (2, 1, 2)


def test_what_is_not_above_the_bar_is_skipped() -> None:
    """It was taken before."""
    desk = Desk()
    [ledger] = desk.want(HOME, bar=2)
    desk.read(logged(1), logged(2), logged(3), before=Place(0, 0, "log"))
    assert len(desk.tokens()) == 1
    assert ledger.position(Place(9, 90, "log")) == Place(2, 20, "log")


def test_a_settled_message_is_settled_in_its_ledger() -> None:
    """The place before the lowest that is not, whoever's message stands there, is the position."""
    desk = Desk()
    [ledger] = desk.want(HOME)
    desk.read(logged(4, OTHERS_BODY), logged(5), logged(7), before=Place(3, 30, "log"))
    read = Place(7, 70, "log")
    first, second = desk.tokens()
    assert ledger.position(read) == Place(4, 40, "log")
    desk.intake.settle([second])
    assert ledger.position(read) == Place(4, 40, "log")
    desk.intake.settle([first])
    assert ledger.position(read) == read
    assert desk.settled == [([], None)] * 2


def test_a_request_of_the_log_is_known_by_its_place() -> None:
    """Sequence and timestamp, in whatever log: a stream that was made anew has other timestamps."""
    desk = Desk()
    desk.want(HOME)
    body = b'{"UserID":"u1"}'
    desk.read(LogMessage(SUBJECTS.send_alarm_digest, body, b"", 8, 80), before=Place(7, 1, "log"))
    assert desk.batches[0][0].body == SendDigest(UserID("u1"), Place(8, 80), NOW_S)
    assert desk.tally.requests == 1


def test_a_rejected_message_of_the_log_belongs_to_partition_0() -> None:
    """Whoever is at home there puts it aside; it is settled once that is durable."""
    desk, elsewhere = Desk(), Desk()
    [ledger] = desk.want(0)
    elsewhere.want(HOME)
    for one in (desk, elsewhere):
        one.read(logged(1, b"{}"))
    [(_, message, (_, reason))] = desk.letters.rejected
    assert (message.body, reason, message.identity) == (b"{}", "UserID is missing", "1.10")
    assert elsewhere.letters.rejected == []
    assert len(ledger) == 1
    desk.letters.store()
    assert (len(ledger), desk.intake.size) == (0, 0)


def test_a_limit_of_ours_does_not_change_whose_a_message_is() -> None:
    """Two instances may have different ones: then it would be nobody's."""
    desk = Desk(max_body_bytes=10)
    desk.want(HOME)
    desk.read(logged(1))
    [(_, _, (_, reason))] = desk.letters.rejected
    assert reason == f"the body of {len(EVENT_BODY)} bytes exceeds 10 bytes"


def test_another_subject_is_counted_and_told_by_the_home_of_partition_0() -> None:
    """Nothing is done with it, and it does not hold the position back."""
    desk = Desk()
    [ledger] = desk.want(0)
    body = EVENT_BODY.replace(b"u1", AT_0.encode())
    desk.read(LogMessage("AlarmRenamed", body, b"", 1, 1))
    assert desk.foreign == ["AlarmRenamed"]
    assert (desk.tally.foreign, len(ledger), desk.tokens()) == (1, 0, [])


def test_what_is_forgotten_is_settled_by_nobody() -> None:
    """Be it on its way to the dead letters; the rest stays."""
    desk = Desk()
    desk.want(HOME, 0)
    desk.read(logged(1), logged(2, b"{}"))
    [rejected] = desk.letters.rejected
    desk.intake.forget({HOME, 0})
    [forgotten] = desk.letters.forgotten
    assert rejected.token in forgotten
    assert desk.intake.size == 0
    assert desk.intake.room_bytes == Desk().intake.room_bytes
    desk.settled.clear()
    desk.letters.store()
    assert desk.settled == [([], None)], "nobody would ask for what there is room for now"
    desk.intake.settle(desk.tokens())
    assert desk.tally.settled == 0
    assert not desk.intake._rejecting


def test_a_ledger_that_was_replaced_is_settled_to_nowhere() -> None:
    """What came before a fall is read again, and only that moves the position."""
    desk = Desk()
    [old] = desk.want(HOME)
    desk.read(logged(1))
    [new] = desk.want(HOME)
    desk.read(logged(1))
    desk.intake.settle(desk.tokens()[:1])
    assert (len(old), len(new)) == (0, 1)


def fails_for(word: bytes, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    """Have the decoder of events raise for bodies that contain ``word``."""

    def decode(body: bytes, max_bytes: int) -> AlarmStatusChanged:
        if word in body:
            raise error
        return decode_alarm_status_changed(body, max_bytes)

    monkeypatch.setattr("bus.inbound.intake.decode_alarm_status_changed", decode)


def test_what_cannot_be_decoded_by_a_fault_of_ours_costs_no_other_message(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It ended the reading of everybody, here and at every other instance, at each start anew."""
    fails_for(b"boom", monkeypatch, RuntimeError("x" * 1000))
    desk = Desk()
    own, nobodys = desk.want(partition_of(UserID("u1")), 0)
    plain = EVENT_BODY.replace(b"a1", b"boom")
    desk.read(logged(1), logged(2, plain), logged(3, plain.replace(b"{", b"{ ")), logged(4))
    desk.read(logged(5, plain))
    assert [delivery.body for batch in desk.batches for delivery in batch] == [EVENT, EVENT]
    kinds = [(message.sequence, rejection.kind) for _, message, rejection in desk.letters.rejected]
    assert kinds == [(place, RejectionKind.INTERNAL) for place in (2, 3, 5)]
    # Another version decodes it, and must not take it for somebody else's.
    assert (len(own), len(nobodys)) == (4, 1)
    (_, _, (_, reason)) = desk.letters.rejected[0]
    assert "RuntimeError: xxx" in reason
    assert len(reason) < 300
    [told] = [one for one in caplog.records if one.message == "message.undecodable"]
    assert told.levelname == "ERROR"
    assert told.exc_info is not None


def test_what_cannot_be_decoded_of_core_nats_is_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who asked learns that it was rejected, and the next one is taken."""
    fails_for(b"boom", monkeypatch, KeyError("boom"))
    desk = Desk()
    desk.take(event(1, EVENT_BODY.replace(b"a1", b"boom")), event(2))
    assert [rejection.kind for _, _, rejection in desk.letters.rejected] == [RejectionKind.INTERNAL]
    assert [delivery.body for delivery in desk.batches[0]] == [EVENT]


def test_that_memory_lacks_is_no_messages_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would make dead letters of whatever is read then."""
    fails_for(b"boom", monkeypatch, MemoryError())
    desk = Desk()
    desk.want(partition_of(UserID("u1")))
    with pytest.raises(MemoryError):
        desk.read(logged(1, EVENT_BODY.replace(b"a1", b"boom")))
    assert desk.letters.rejected == []
