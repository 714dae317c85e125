"""Intake: what was taken from the broker, from its decoding until it is settled.

The same for every way of delivery; a consumer feeds it and tells it how to settle.
"""

from __future__ import annotations

import logging
import time
from itertools import count
from typing import TYPE_CHECKING, NamedTuple, cast

from actors.messages import Deliveries, Delivery, SendDigest
from actors.ports import DeliveryToken
from actors.rules.digest import RequestID
from actors.runtime.tuples import new_tuple
from bus.errors import MessageRejectedError
from bus.spans import NoSpans
from bus.tally import BusTally
from bus.wire.codec import decode_alarm_status_changed, decode_send_alarm_digest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from actors.messages import AlarmStatusChanged
    from actors.rejections import Rejection
    from bus.spans import Spans
    from bus.subjects import Subjects

logger = logging.getLogger("bus.intake")


class Message(NamedTuple):
    """A message as the broker handed it over."""

    subject: str
    body: bytes
    reply: str
    """Where to acknowledge; empty when nobody waits for it."""
    identity: str | None
    """The same when the broker delivers the message again; None where it never does."""
    sequence: int
    """Its place in the stream; 0 without one."""
    traceparent: str | None = None
    """The trace context that it bears."""


BODIES_MAX_BYTES = 256 * 1024 * 1024
"""Bodies in the table at which no more messages are asked for, whatever the window.

Of the size that events have, fifty thousand take 7 MB; of the largest that is admitted, 3.3 GB.
"""


class Intake:
    """The in-flight table. Runs on the bus's thread.

    A message that comes again while it is in the table replaces its acknowledgement address and
    is not enqueued a second time.
    """

    def __init__(
        self,
        subjects: Subjects,
        max_body_bytes: int,
        deliver: Callable[[Deliveries], None],
        reject: Callable[[Message, Rejection, Callable[[], None]], None],
        settle: Callable[[list[Message], str | None], None],
        tally: BusTally | None = None,
        monotonic_s: Callable[[], float] = time.monotonic,
        spans: Spans | None = None,
    ) -> None:
        """Wire the intake.

        ``deliver`` hands a batch to the router. ``reject(message, rejection, done)`` makes a dead
        letter and calls ``done`` once it is durable. ``settle(messages, rejection)`` acknowledges
        a burst; ``rejection`` is the reason of those that became dead letters. ``monotonic_s`` is
        the time at which a request counts as taken.
        """
        self._subjects = subjects
        self._max_body_bytes = max_body_bytes
        self._deliver = deliver
        self._reject = reject
        self._settle = settle
        self._tally = tally or BusTally()
        self._monotonic_s = monotonic_s
        self._spans = spans or NoSpans()
        self._traced: set[DeliveryToken] = set()
        # Not through ``DeliveryToken``: the call costs as much as an entry in the table.
        self._tokens = cast("Iterator[DeliveryToken]", count(1))
        self._last_token = DeliveryToken(0)
        self._in_flight: dict[DeliveryToken, Message] = {}
        self._held_bytes = 0
        self._token_of: dict[str | None, DeliveryToken] = {}
        self._rejecting: set[DeliveryToken] = set()

    @property
    def size(self) -> int:
        """Messages taken and not settled."""
        return len(self._in_flight)

    @property
    def has_room(self) -> bool:
        """Whether what is held is small enough to take more."""
        return self._held_bytes < BODIES_MAX_BYTES

    @property
    def last_token(self) -> DeliveryToken:
        """The token of the message taken last; 0 before any."""
        return self._last_token

    def held_since(self, token: DeliveryToken) -> list[Message]:
        """Return what is not settled of everything taken up to ``token``, oldest first."""
        held: list[Message] = []
        for number, message in self._in_flight.items():
            if number > token:
                break
            held.append(message)
        return held

    def disown(self) -> None:
        """Acknowledge nothing of what is in the table: the stream that it came from is gone."""
        for token, message in self._in_flight.items():
            self._in_flight[token] = message._replace(reply="")

    def take(self, messages: Sequence[Message]) -> None:
        """Decode a batch and hand it on; what cannot be decoded becomes a dead letter."""
        tally = self._tally
        tally.taken += len(messages)
        batch: list[Delivery] = []
        strangers: list[Message] = []
        in_flight, token_of, tokens = self._in_flight, self._token_of, self._tokens
        alarm_status_changed = self._subjects.alarm_status_changed
        max_body_bytes = self._max_body_bytes
        taken_bytes = 0
        for message in messages:
            subject, content, _, identity, _, traceparent = message
            if identity in token_of:
                in_flight[token_of[identity]] = message
                logger.debug("message.redelivered", extra={"sequence": message.sequence})
                tally.repeated += 1
                continue
            body: AlarmStatusChanged | SendDigest | None
            try:
                if subject == alarm_status_changed:
                    body = decode_alarm_status_changed(content, max_body_bytes)
                else:
                    body = self._decode_other(message)
            except MessageRejectedError as error:
                tally.rejected += 1
                self._dead_letter(self._enter(message), error.rejection)
                continue
            if body is None:
                strangers.append(message)
                continue
            self._last_token = token = next(tokens)
            in_flight[token] = message
            taken_bytes += len(content)
            if identity is not None:
                token_of[identity] = token
            if traceparent is not None:
                body = self._trace(token, traceparent, message, body)
            batch.append(new_tuple(Delivery, (token, body, 1)))
        self._held_bytes += taken_bytes
        if strangers:
            tally.foreign += len(strangers)
            tally.settled += len(strangers)
            self._settle(strangers, None)
        if batch:
            self._deliver(Deliveries(tuple(batch)))

    def settle(self, tokens: Iterable[DeliveryToken]) -> None:
        """Acknowledge; tokens that are settled already are ignored."""
        in_flight, token_of, rejecting = self._in_flight, self._token_of, self._rejecting
        traced = self._traced
        settled: list[Message] = []
        settled_bytes = 0
        for token in tokens:
            if rejecting and token in rejecting:
                continue
            message = in_flight.pop(token, None)
            if message is None:
                continue
            identity = message.identity
            settled_bytes += len(message.body)
            if identity is not None:
                del token_of[identity]
            if traced and token in traced:
                self._end_trace(token, None)
            settled.append(message)
        self._held_bytes -= settled_bytes
        if settled:
            self._tally.settled += len(settled)
            self._settle(settled, None)

    def dead_letter(self, tokens: Iterable[DeliveryToken], rejection: Rejection) -> None:
        """Make dead letters of these; tokens that are settled already are ignored."""
        for token in tokens:
            self._dead_letter(token, rejection)

    def _decode_other(self, message: Message) -> SendDigest | None:
        if message.subject == self._subjects.send_alarm_digest:
            user_id = decode_send_alarm_digest(message.body, self._max_body_bytes)
            request_id = None if message.identity is None else RequestID(message.identity)
            self._tally.requests += 1
            return SendDigest(user_id, request_id, self._monotonic_s())
        # A stream that was set up by somebody else may capture more than our subjects.
        return None

    def _trace(
        self,
        token: DeliveryToken,
        traceparent: str,
        message: Message,
        body: AlarmStatusChanged | SendDigest,
    ) -> AlarmStatusChanged | SendDigest:
        """Begin the message's span; a request hands the context on to its digest."""
        if self._spans.records:
            self._traced.add(token)
            name = f"{token}" if message.identity is None else message.identity
            traceparent = self._spans.taken(token, name, traceparent, body)
        return body._replace(traceparent=traceparent) if isinstance(body, SendDigest) else body

    def _end_trace(self, token: DeliveryToken, rejection: str | None) -> None:
        self._traced.discard(token)
        self._spans.settled(token, rejection)

    def _enter(self, message: Message) -> DeliveryToken:
        token = self._last_token = next(self._tokens)
        self._in_flight[token] = message
        self._held_bytes += len(message.body)
        if message.identity is not None:
            self._token_of[message.identity] = token
        return token

    def _leave(self, token: DeliveryToken) -> Message | None:
        message = self._in_flight.pop(token, None)
        if message is not None:
            self._held_bytes -= len(message.body)
            if message.identity is not None:
                del self._token_of[message.identity]
        return message

    def _dead_letter(self, token: DeliveryToken, rejection: Rejection) -> None:
        message = self._in_flight.get(token)
        if message is None or token in self._rejecting:
            return
        self._rejecting.add(token)
        kind, reason = rejection
        logger.warning(
            "message.dead_lettered",
            extra={"subject": message.subject, "sequence": message.sequence, "reason": reason},
        )

        def done() -> None:
            self._rejecting.discard(token)
            if token in self._traced:
                self._end_trace(token, reason)
            self._tally.dead_letters[kind] += 1
            if (rejected := self._leave(token)) is not None:
                self._tally.settled += 1
                self._settle([rejected], reason)

        self._reject(message, rejection, done)
