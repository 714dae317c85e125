"""Intake: what was taken from the broker, from its decoding until it is settled.

From the log (``read``) come the messages of all users: those that are at home here are taken, the
others cost as little as possible. From core NATS (``take``) everything is taken.
"""

from __future__ import annotations

import time
from itertools import count
from typing import TYPE_CHECKING, TypeAlias, cast
from zlib import crc32

from actors.messages.inputs import Delivery, SendDigest
from actors.messages.router import RouteDeliveries
from actors.rules.partitions import PARTITIONS
from actors.rules.positions import Place
from actors.runtime.tuples import new_tuple
from bus.errors import MessageRejectedError
from bus.inbound.log_source import message_of
from bus.spans import NoSpans, TracedMessages
from bus.tally import BusTally
from bus.wire.codec import decode_alarm_status_changed, decode_send_alarm_digest
from bus.wire.earlier import with_earlier_id
from bus.wire.message import Message, Rejected
from bus.wire.ownership import NOBODYS, partition_of_rejected
from bus.wire.rejections import Faults

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Iterator, Sequence

    from actors.messages.inputs import AlarmStatusChanged
    from actors.ports import DeliveryToken
    from actors.rejections import Rejection
    from actors.rules.positions import Ledger
    from bus.inbound.log_home import Wanted
    from bus.inbound.log_source import LogMessage, LogMessages
    from bus.spans import Spans
    from bus.subjects import Subjects
    from bus.wire.message import DeadLetters

BODIES_MAX_BYTES = 256 * 1024 * 1024
"""Bodies in the table at which no more is asked for: 50,000 may take from 7 MB to 3.3 GB."""

_Rejections: TypeAlias = "Iterable[tuple[DeliveryToken, Rejection]]"
_InFlight: TypeAlias = "tuple[int, Ledger | None, LogMessage | Message]"
"""Partition, and the ledger to settle it in; those of core NATS have none."""


class Intake:
    """The in-flight table. Runs on the bus's thread."""

    def __init__(
        self,
        subjects: Subjects,
        max_body_bytes: int,
        max_in_flight: int,
        deliver: Callable[[RouteDeliveries], None],
        dead_letters: DeadLetters,
        settled: Callable[[list[Message], str | None], None],
        tally: BusTally | None = None,
        monotonic_s: Callable[[], float] = time.monotonic,
        spans: Spans | None = None,
        tell_foreign: Callable[[str], None] = lambda _: None,
        judge_foreign: Callable[[str], Rejection | None] = lambda _: None,
    ) -> None:
        """Wire it; ``max_in_flight`` messages may be taken and not settled.

        ``deliver`` hands a batch to the router. ``settled(messages, rejection)`` is called when
        there is room again, with what somebody may await an answer to; ``rejection`` is the reason
        of dead letters. A request counts as taken at ``monotonic_s``. ``judge_foreign`` rejects
        messages of no subject of ours; ``tell_foreign`` is told of others, and bounds what it says.
        """
        self.subjects = subjects
        self._max_body_bytes = max_body_bytes
        self._max_in_flight = max_in_flight
        self._deliver = deliver
        self.letters = dead_letters
        self._settled = settled
        self._tally = tally or BusTally()
        self._monotonic_s = monotonic_s
        self._tell_foreign = tell_foreign
        self._judge_foreign = judge_foreign
        self._faults = Faults()
        self._traced = TracedMessages(spans or NoSpans())
        self.hurries = False  # whether what is in flight, be it ever so little, keeps others out
        # Not through ``DeliveryToken``: a call costs as much as an entry in the table.
        self._tokens = cast("Iterator[DeliveryToken]", count(1))
        self._in_flight: dict[DeliveryToken, _InFlight] = {}
        self._held_bytes = 0
        self._rejecting: dict[DeliveryToken, _InFlight] = {}
        """Of these a dead letter is made, and nothing else settles them."""

    @property
    def size(self) -> int:
        """Messages taken and not settled."""
        return len(self._in_flight) + len(self._rejecting)

    @property
    def room(self) -> int:
        """How many more messages may be taken; 0 or less for none."""
        return self._max_in_flight - self.size

    @property
    def fill(self) -> float:
        """See ``Acknowledger``: of messages or of bytes, whichever is the more."""
        fill = max(self.size / self._max_in_flight, self._held_bytes / BODIES_MAX_BYTES)
        return 1.0 if self.hurries else min(1.0, fill)

    @property
    def room_bytes(self) -> int:
        """How many bytes of bodies there is room for; 0 or less for none."""
        return BODIES_MAX_BYTES - self._held_bytes

    def read(  # every call of a function would cost a message a tenth
        self, messages: LogMessages, wanted: Wanted, before: Place
    ) -> None:
        """Take what is wanted of what the log has behind ``before``; hand it on or put it aside."""
        batch: list[Delivery] = []
        rejected: list[tuple[DeliveryToken, Rejection]] = []
        in_flight, tokens = self._in_flight, self._tokens
        bars, ledgers = wanted
        alarm_status_changed = self.subjects.alarm_status_changed
        max_body_bytes = self._max_body_bytes
        candidates = wanted.candidates(messages, self.subjects)
        skipped = len(messages) - len(candidates)
        taken_bytes = requests = 0
        for message, place_before in messages.each(candidates, before):
            subject, content, headers, sequence, timestamp_ns = message
            body: AlarmStatusChanged | SendDigest | None
            rejection: Rejection | None = None
            try:
                if subject == alarm_status_changed:
                    body = decode_alarm_status_changed(content, max_body_bytes)
                    number = crc32(body[0].encode()) % PARTITIONS
                else:
                    body, number = self._decode_other(subject, content, sequence, timestamp_ns)
            except Exception as error:
                body, rejection = None, self._faults.rejection_of(error)
                number = partition_of_rejected(subject, content, self.subjects, rejection.kind)
            if sequence <= bars[number]:
                skipped += 1
            elif body is None and rejection is None:
                self._tally.foreign += 1
                self._tell_foreign(subject)
            else:
                ledger = ledgers[number]
                ledger.take(sequence, place_before)
                token = next(tokens)
                in_flight[token] = (number, ledger, message)
                taken_bytes += len(content)
                if body is None:
                    assert rejection is not None
                    rejected.append((token, rejection))
                else:
                    if subject != alarm_status_changed:
                        requests += 1
                    if headers:
                        body = self._traced.begin(
                            token, message_of(message), with_earlier_id(body, headers)
                        )
                    batch.append(new_tuple(Delivery, (token, body, 1)))
        self._tally.skipped += skipped
        self._tally.requests += requests
        self._hand_on(batch, rejected, len(messages) - skipped, taken_bytes)

    def take(self, messages: Sequence[Message]) -> None:
        """Take messages of core NATS; hand them on or put them aside."""
        batch: list[Delivery] = []
        rejected: list[tuple[DeliveryToken, Rejection]] = []
        body: AlarmStatusChanged | SendDigest
        taken_bytes = 0
        for message in messages:
            token = next(self._tokens)
            self._in_flight[token] = (0, None, message)
            taken_bytes += len(message.body)
            try:
                if message.subject == self.subjects.alarm_status_changed:
                    body = decode_alarm_status_changed(message.body, self._max_body_bytes)
                else:
                    body = self._request(message.body, message.place)
            except Exception as error:
                rejected.append((token, self._faults.rejection_of(error)))
                continue
            self._tally.requests += isinstance(body, SendDigest)
            if message.traceparent is not None:
                body = self._traced.begin(token, message, body)
            batch.append(new_tuple(Delivery, (token, body, 1)))
        self._hand_on(batch, rejected, len(messages), taken_bytes)

    def condemn(
        self, number: int, ledger: Ledger, message: LogMessage, before: Place, rejection: Rejection
    ) -> None:
        """Take a message of a partition as ``read`` does, and make a dead letter of it, unread."""
        ledger.take(message.sequence, before)
        self._in_flight[token := next(self._tokens)] = (number, ledger, message)
        self._hand_on([], [(token, rejection)], 1, len(message.body))

    def settle(self, tokens: Iterable[DeliveryToken]) -> None:
        """Note that these are done with; tokens that are settled already are ignored."""
        in_flight, traced = self._in_flight, self._traced
        to_answer: list[Message] = []
        settled = settled_bytes = 0
        for token in tokens:
            entry = in_flight.pop(token, None)
            if entry is None:
                continue
            _, ledger, message = entry
            settled += 1
            settled_bytes += len(message[1])
            if traced and token in traced:
                traced.end(token, None)
            if ledger is not None:
                ledger.settle(message.sequence)
            elif isinstance(message, Message):
                to_answer.append(message)
        self._held_bytes -= settled_bytes
        self._tally.settled += settled
        if settled:
            self._settled(to_answer, None)

    def dead_letter(self, tokens: Iterable[DeliveryToken], rejection: Rejection) -> None:
        """Make dead letters of these; tokens that are settled already are ignored."""
        self._dead_letter((token, rejection) for token in tokens)

    def forget(self, numbers: Container[int]) -> None:
        """Let go of what is in flight of these partitions: another home reads it."""
        forgotten: list[DeliveryToken] = []
        for table in (self._in_flight, self._rejecting):
            for token in [token for token, entry in table.items() if entry[0] in numbers]:
                self._held_bytes -= len(table.pop(token)[2].body)
                forgotten.append(token)
                if token in self._traced:
                    self._traced.end(token, "the user is not at home here any more")
        if forgotten:
            self.letters.forget(set(forgotten))
            self._settled([], None)

    def _hand_on(
        self, batch: list[Delivery], rejected: _Rejections, taken: int, taken_bytes: int
    ) -> None:
        self._tally.taken += taken
        self._held_bytes += taken_bytes
        self._tally.rejected += self._dead_letter(rejected)
        if batch:
            self._deliver(RouteDeliveries(tuple(batch)))

    def _decode_other(
        self, subject: str, content: bytes, sequence: int, timestamp_ns: int
    ) -> tuple[SendDigest | None, int]:
        """Return what is no event, and its partition; None for a subject that is not ours."""
        if subject != self.subjects.send_alarm_digest:
            if rejection := self._judge_foreign(subject):
                raise MessageRejectedError(rejection)
            return None, NOBODYS
        body = self._request(content, Place(sequence, timestamp_ns))
        return body, crc32(body.user_id.encode()) % PARTITIONS

    def _request(self, content: bytes, place: Place) -> SendDigest:
        user_id = decode_send_alarm_digest(content, self._max_body_bytes)
        return SendDigest(user_id, place, self._monotonic_s())

    def _dead_letter(self, rejections: _Rejections) -> int:
        rejected: list[Rejected] = []
        for token, rejection in rejections:
            if (entry := self._in_flight.pop(token, None)) is not None:
                self._rejecting[token] = entry
                rejected.append(new_tuple(Rejected, (token, message_of(entry[2]), rejection)))
        if rejected:
            self.letters.send(rejected, self._dead_lettered)
        return len(rejected)

    def _dead_lettered(self, rejected: Sequence[Rejected]) -> None:
        """Settle what has become dead letters; there is room again, were they forgotten or not."""
        for token, message, (kind, reason) in rejected:
            self._tally.dead_letters[kind] += 1
            if token in self._traced:
                self._traced.end(token, reason)
            if (entry := self._rejecting.pop(token, None)) is None:
                continue
            self._held_bytes -= len(message.body)
            self._tally.settled += 1
            if (ledger := entry[1]) is None:
                self._settled([message], reason)
            else:
                ledger.settle(message.sequence)
        self._settled([], None)
