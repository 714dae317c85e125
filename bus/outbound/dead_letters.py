"""Sending dead letters: the body as it came, why and whence in the headers, until it is stored."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from bus.outbound.message import MESSAGE_ID, OutgoingMessage, headers_size, one_line
from bus.outbound.transport import send_all
from bus.tally import BusTally
from bus.wire.contexts import HEADER

if TYPE_CHECKING:
    from collections.abc import Callable

    from actors.errors import PublishFailedError
    from actors.rejections import Rejection
    from bus.outbound.transport import Transport
    from bus.subjects import Subjects
    from bus.wire.message import Message

DEAD_LETTER_RETRY_S = 1.0

REASON = "Dead-Letter-Reason"
SUBJECT = "Dead-Letter-Subject"
SEQUENCE = "Dead-Letter-Sequence"
TIME = "Dead-Letter-Time"
CUT = "Dead-Letter-Cut"
"""Only where the body was cut: how many bytes it had."""

_REASON_MAX_CHARS = 256


class DeadLetterSender:
    """Sends dead letters, each until the server has it. Runs on the bus's thread."""

    def __init__(
        self,
        transport: Transport,
        subjects: Subjects,
        wall_s: Callable[[], float],
        tally: BusTally | None = None,
        tell_retried: Callable[[str], None] | None = None,
    ) -> None:
        """Send over ``transport``; ``wall_s`` is the time in seconds since 1970.

        ``tell_retried`` is called with each failure, of which there may be as many as there are
        messages in the window, each second; it must bound what it says.
        """
        self._transport = transport
        self._subject = subjects.dead_letter
        self._wall_s = wall_s
        self._tally = tally or BusTally()
        self._tell_retried = tell_retried

    def send(self, message: Message, rejection: Rejection, done: Callable[[], None]) -> None:
        """Send the body, then call ``done``; see ``letter_of`` for what it looks like."""
        now_s = self._wall_s()

        def settled(error: PublishFailedError | None) -> None:
            if error is None:
                done()
                return
            self._tally.dead_letter_retries += 1
            if self._tell_retried is not None:
                self._tell_retried(str(error))
            self._transport.call_later(DEAD_LETTER_RETRY_S, attempt)

        def attempt() -> None:
            # Composed anew: what is taken may be another size by now.
            limit_bytes = self._transport.limit_bytes(self._subject)
            letter = letter_of(message, rejection, now_s, self._subject, limit_bytes)
            send_all(self._transport, [letter], settled)

        attempt()


def letter_of(
    message: Message, rejection: Rejection, now_s: float, subject: str, limit_bytes: int
) -> OutgoingMessage:
    """Return the dead letter of a message rejected at ``now_s``, in seconds since 1970.

    The body is unchanged; only where body and headers exceed ``limit_bytes`` it is cut, and
    ``Dead-Letter-Cut`` says how many bytes it had (SPEC section 6).
    """
    headers = {
        REASON: one_line(rejection.reason, _REASON_MAX_CHARS),
        SUBJECT: message.subject,
        SEQUENCE: str(message.sequence),
        TIME: datetime.fromtimestamp(now_s, UTC).isoformat().replace("+00:00", "Z"),
    }
    headers[MESSAGE_ID] = f"dead-letter.{message.identity}"
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
