"""Sending dead letters: the body as it came, why and whence in the headers, until it is stored."""

from __future__ import annotations

from collections import deque
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from bus.outbound.message import MESSAGE_ID, OutgoingMessage, headers_size, one_line
from bus.tally import BusTally
from bus.wire.contexts import HEADER

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterator, Sequence

    from actors.ports import DeliveryToken
    from actors.rejections import Rejection
    from bus.outbound.transport import Outcomes, Transport
    from bus.subjects import Subjects
    from bus.wire.message import Message, Rejected

RETRY_WAIT_INITIAL_S = 0.5
RETRY_WAIT_MAX_S = 2.0
"""While letters are not taken, one of them is tried again, for all; doubling up to this."""

GROUP = 500
GROUP_BYTES = 1024 * 1024
"""Letters that are sent, and answered for, together."""
WINDOW = 10 * GROUP
WINDOW_BYTES = 8 * GROUP_BYTES
"""Letters under way at which the others wait for their turn: each is a copy of its body."""

REASON = "Dead-Letter-Reason"
SUBJECT = "Dead-Letter-Subject"
SEQUENCE = "Dead-Letter-Sequence"
TIME = "Dead-Letter-Time"
CUT = "Dead-Letter-Cut"
"""Only where the body was cut: how many bytes it had."""

_REASON_MAX_CHARS = 256


class Share(NamedTuple):
    """What rejected messages may take of the window."""

    messages: int
    size_bytes: int

    @classmethod
    def of(cls, messages: int, size_bytes: int) -> Share:
        """Return a half of a window: the rest is for what can be read."""
        return cls(max(1, messages // 2), size_bytes // 2)


class _Group(NamedTuple):
    """Letters that go together."""

    rejected: Sequence[Rejected]
    at_s: float
    """When they were rejected, in seconds since 1970."""
    done: Callable[[Sequence[Rejected]], None]
    size_bytes: int
    """Of their bodies."""


class DeadLetterSender:
    """Sends dead letters in groups, each letter until the server has it. Runs on the bus's thread.

    When one is not taken, all wait; after a while one letter tries for all of them.
    """

    def __init__(
        self,
        transport: Transport,
        subjects: Subjects,
        wall_s: Callable[[], float],
        share: Share,
        tally: BusTally | None = None,
        tell_retried: Callable[[str], None] | None = None,
        tell_rejected: Callable[[Sequence[Rejected]], None] | None = None,
    ) -> None:
        """Send over ``transport``; ``wall_s`` is the time in seconds since 1970.

        ``tell_retried`` is called with each failure, ``tell_rejected`` with all that is rejected;
        both must bound what they say of it.
        """
        self.held = self.held_bytes = 0
        """Rejected messages whose letter is not stored, and the bytes of their bodies."""
        self.refused: str | None = None
        """Why letters are not taken, as the last answer says; None while they are."""
        self._is_clogged = False
        self._share = share
        self._transport = transport
        self._subject = subjects.dead_letter
        self._wall_s = wall_s
        self._tally = tally or BusTally()
        self._tell_retried = tell_retried
        self._tell_rejected = tell_rejected
        self._waiting: deque[_Group] = deque()
        self._under_way = self._under_way_bytes = 0
        self._wait_s = RETRY_WAIT_INITIAL_S
        self._rests = False

    @property
    def room(self) -> int:
        """See ``DeadLetters``."""
        return self._share.messages - self.held

    @property
    def room_bytes(self) -> int:
        """See ``DeadLetters``."""
        return self._share.size_bytes - self.held_bytes

    @property
    def is_clogged(self) -> bool:
        """See ``DeadLetters``."""
        return self._is_clogged

    def send(
        self, rejected: Sequence[Rejected], done: Callable[[Sequence[Rejected]], None]
    ) -> None:
        """See ``DeadLetters``."""
        if self._tell_rejected is not None:
            self._tell_rejected(rejected)
        self._hold(rejected, 1)
        self._waiting.extend(_groups(rejected, self._wall_s(), done))
        self._send_on()

    def forget(self, tokens: Container[DeliveryToken]) -> None:
        """See ``DeadLetters``; what is under way is answered all the same."""
        waiting, self._waiting = self._waiting, deque()
        for group in waiting:
            kept = [one for one in group.rejected if one.token not in tokens]
            self._hold([one for one in group.rejected if one.token in tokens], -1)
            self._waiting.extend(_groups(kept, group.at_s, group.done))

    def _hold(self, rejected: Sequence[Rejected], sign: int) -> None:
        """Count what is held: more of it, or less."""
        self.held += sign * len(rejected)
        self.held_bytes += sign * sum([len(one.message.body) for one in rejected])
        self._note_fill()

    def _note_fill(self) -> None:
        """Be clogged until half is free: nobody should come back for the room of one letter."""
        most, most_bytes = self._share
        if self.held <= most // 2 and self.held_bytes <= most_bytes // 2:
            self._is_clogged = False
        elif self.refused is not None and (self.room <= 0 or self.room_bytes <= 0):
            self._is_clogged = True

    def _stored(self, group: _Group, rejected: Sequence[Rejected]) -> None:
        self._hold(rejected, -1)
        group.done(rejected)

    def _send_on(self) -> None:
        """Send as many groups as may be under way; while letters are not taken, none."""
        while (
            self._waiting
            and self.refused is None
            and self._under_way < WINDOW
            and self._under_way_bytes < WINDOW_BYTES
        ):
            self._send(self._waiting.popleft())

    def _send(self, group: _Group) -> None:
        # Composed anew at each attempt: what is taken may be another size by now.
        limit_bytes = self._transport.limit_bytes(self._subject)
        letters = [
            letter_of(message, rejection, group.at_s, self._subject, limit_bytes)
            for _, message, rejection in group.rejected
        ]
        self._under_way += len(letters)
        self._under_way_bytes += group.size_bytes
        self._transport.send(letters, lambda outcomes: self._settle(group, outcomes))

    def _settle(self, group: _Group, outcomes: Outcomes) -> None:
        self._under_way -= len(group.rejected)
        self._under_way_bytes -= group.size_bytes
        error = next((one for one in outcomes if one is not None), None)
        if error is None:
            self.refused, self._wait_s = None, RETRY_WAIT_INITIAL_S
            self._stored(group, group.rejected)
        else:
            stored: list[Rejected] = []
            failed: list[Rejected] = []
            for one, outcome in zip(group.rejected, outcomes, strict=True):
                (stored if outcome is None else failed).append(one)
            # Behind the others: what is refused for itself alone must not keep them waiting.
            self._waiting.extend(_groups(failed, group.at_s, group.done))
            self._tally.dead_letter_retries += len(failed)
            self._refuse(str(error))
            self._stored(group, stored)
        self._send_on()

    def _refuse(self, error: str) -> None:
        """Have all wait, and one letter be tried after a while."""
        self.refused = error
        self._note_fill()
        if self._tell_retried is not None:
            self._tell_retried(error)
        if not self._rests:
            self._rests = True
            self._transport.call_later(self._wait_s, self._try_one)
            self._wait_s = min(self._wait_s * 2, RETRY_WAIT_MAX_S)

    def _try_one(self) -> None:
        self._rests = False
        if self.refused is None or not self._waiting:
            self.refused = None  # another one was taken meanwhile, or none is wanted any more
            self._send_on()
            return
        group = self._waiting.popleft()
        first, others = group.rejected[:1], group.rejected[1:]
        if others:
            self._waiting.extendleft(_groups(others, group.at_s, group.done))
        self._send(next(_groups(first, group.at_s, group.done)))


def _groups(
    rejected: Sequence[Rejected], at_s: float, done: Callable[[Sequence[Rejected]], None]
) -> Iterator[_Group]:
    """Yield groups of a bounded number and size; one larger than that goes alone."""
    first = size_bytes = 0
    for end, one in enumerate(rejected):
        added = len(one.message.body)
        if end > first and (end - first == GROUP or size_bytes + added > GROUP_BYTES):
            yield _Group(rejected[first:end], at_s, done, size_bytes)
            first, size_bytes = end, 0
        size_bytes += added
    if rejected:
        yield _Group(rejected[first:], at_s, done, size_bytes)


def letter_of(
    message: Message, rejection: Rejection, now_s: float, subject: str, limit_bytes: int
) -> OutgoingMessage:
    """Return the dead letter of a message rejected at ``now_s``, in seconds since 1970.

    The body is unchanged; only where body and headers exceed ``limit_bytes`` it is cut, and
    ``Dead-Letter-Cut`` says how many bytes it had (SPEC section 6).
    """
    headers = {
        REASON: _reason_line(rejection.reason),
        SUBJECT: message.subject,
        SEQUENCE: str(message.sequence),
        TIME: _time_line(now_s),
        MESSAGE_ID: f"dead-letter.{message.identity}",
    }
    if message.traceparent is not None:
        headers[HEADER] = message.traceparent
    letter = OutgoingMessage(subject, message.body, headers)
    if letter.size <= limit_bytes:
        return letter
    headers[CUT] = str(len(message.body))
    room = limit_bytes - headers_size(headers)
    if room < 0:
        # A stream so narrow that the reason does not fit: some of it is better than none.
        headers[REASON] = headers[REASON][: max(1, len(headers[REASON]) + room)]
        room = 0
    return OutgoingMessage(subject, message.body[:room], headers)


@lru_cache(maxsize=256)
def _reason_line(reason: str) -> str:
    return one_line(reason, _REASON_MAX_CHARS)


@lru_cache(maxsize=16)
def _time_line(at_s: float) -> str:
    return datetime.fromtimestamp(at_s, UTC).isoformat().replace("+00:00", "Z")
