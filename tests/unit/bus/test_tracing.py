"""The intake and traced messages: which get a span, and which context a request hands on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actors.messages import SendDigest
from actors.rejections import Rejection, RejectionKind
from bus.inbound.intake import Intake, Message
from tests.unit.bus.inbound.test_intake import SUBJECTS, event, request
from tests.unit.bus.wire.test_contexts import CONTEXT

if TYPE_CHECKING:
    from collections.abc import Callable

    from actors.errors import PublishFailedError
    from actors.messages import AlarmStatusChanged, Deliveries, Delivery
    from actors.ports import DeliveryToken
    from actors.rules.digest import Digest

HANDLING = CONTEXT.replace("00f067aa0ba902b7", "1111111111111111")


class RecordingSpans:
    """Notes which spans were begun and ended."""

    records = True

    def __init__(self) -> None:
        """Note nothing yet."""
        self.begun: list[tuple[str, str]] = []
        self.ended: list[str | None] = []

    def taken(
        self,
        token: DeliveryToken,
        name: str,
        traceparent: str,
        body: AlarmStatusChanged | SendDigest,
    ) -> str:
        """Note it."""
        del token, body
        self.begun.append((name, traceparent))
        return HANDLING

    def settled(self, token: DeliveryToken, rejection: str | None) -> None:
        """Note it."""
        del token
        self.ended.append(rejection)

    def sending(
        self, digest: Digest, settled: Callable[[PublishFailedError | None], None]
    ) -> Callable[[PublishFailedError | None], None]:
        """Leave it."""
        del digest
        return settled

    def stop(self) -> None:
        """Nothing is kept."""


class Desk:
    """An intake that records spans, or does not."""

    def __init__(self, spans: RecordingSpans | None = None) -> None:
        """Open an empty one."""
        self.taken: list[Delivery] = []
        self.done: list[Callable[[], None]] = []
        self.intake = Intake(
            SUBJECTS, 1000, self._deliver, self._reject, lambda *_: None, None, lambda: 0.0, spans
        )

    def tokens(self) -> list[DeliveryToken]:
        """Return the tokens of what was handed on."""
        return [delivery.token for delivery in self.taken]

    def _deliver(self, deliveries: Deliveries) -> None:
        self.taken.extend(deliveries.items)

    def _reject(self, message: Message, rejection: Rejection, done: Callable[[], None]) -> None:
        del message, rejection
        self.done.append(done)


def test_without_spans_a_request_hands_its_context_on() -> None:
    """And an event's ends here."""
    desk = Desk()
    desk.intake.take(
        [event(1)._replace(traceparent=CONTEXT), request("id.2")._replace(traceparent=CONTEXT)]
    )
    plain = Desk()
    plain.intake.take([event(1)])
    assert desk.taken[0].body == plain.taken[0].body
    body = desk.taken[1].body
    assert isinstance(body, SendDigest)
    assert body.traceparent == CONTEXT


def test_with_spans_a_request_hands_on_the_context_of_its_handling() -> None:
    """Its digest is then a child of that."""
    spans = RecordingSpans()
    desk = Desk(spans)
    desk.intake.take([request("id.2")._replace(traceparent=CONTEXT)])
    body = desk.taken[0].body
    assert isinstance(body, SendDigest)
    assert body.traceparent == HANDLING
    assert spans.begun == [("id.2", CONTEXT)]


def test_a_span_ends_when_its_message_is_settled_and_only_then() -> None:
    """However it is settled, once."""
    spans = RecordingSpans()
    desk = Desk(spans)
    desk.intake.take([event(n)._replace(traceparent=CONTEXT) for n in (1, 2)])
    first, second = desk.tokens()
    desk.intake.dead_letter([first], Rejection(RejectionKind.CRASHED, "boom"))
    assert spans.ended == []
    desk.intake.settle([second, second])
    assert spans.ended == [None]
    [done] = desk.done
    done()
    assert spans.ended == [None, "boom"]


def test_messages_without_a_context_never_come_to_the_spans() -> None:
    """They are nearly all."""
    spans = RecordingSpans()
    desk = Desk(spans)
    desk.intake.take([event(1), request("id.2")])
    desk.intake.settle(desk.tokens())
    assert (spans.begun, spans.ended) == ([], [])


def test_a_message_that_comes_again_has_one_span() -> None:
    """While it is in memory."""
    spans = RecordingSpans()
    desk = Desk(spans)
    for attempt in (1, 2):
        desk.intake.take([event(1, attempt)._replace(traceparent=CONTEXT)])
    assert len(spans.begun) == 1
