"""The intake and traced messages: which get a span, and which context a request hands on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actors.messages.inputs import SendDigest
from actors.rejections import Rejection, RejectionKind
from actors.rules.positions import BEGIN, Ledger
from bus.inbound.intake import Intake
from bus.inbound.log_home import Wanted
from bus.inbound.log_source import LogMessages
from tests.unit.bus.inbound.test_intake import HOME, OTHERS_BODY, SUBJECTS, event, logged, request
from tests.unit.bus.letters import RecordingLetters
from tests.unit.bus.wire.test_contexts import CONTEXT

if TYPE_CHECKING:
    from collections.abc import Callable

    from actors.errors import PublishFailedError
    from actors.messages.inputs import AlarmStatusChanged, Delivery
    from actors.messages.router import RouteDeliveries
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
        self.letters = RecordingLetters()
        self.intake = Intake(
            SUBJECTS,
            1000,
            1000,
            self._deliver,
            self.letters,
            lambda *_: None,
            None,
            lambda: 0.0,
            spans,
        )

    def tokens(self) -> list[DeliveryToken]:
        """Return the tokens of what was handed on."""
        return [delivery.token for delivery in self.taken]

    def _deliver(self, deliveries: RouteDeliveries) -> None:
        self.taken.extend(deliveries.items)


def test_without_spans_a_request_hands_its_context_on() -> None:
    """And an event's ends here."""
    desk = Desk()
    desk.intake.take(
        [event(1)._replace(traceparent=CONTEXT), request(2)._replace(traceparent=CONTEXT)]
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
    desk.intake.take([request(2)._replace(traceparent=CONTEXT)])
    body = desk.taken[0].body
    assert isinstance(body, SendDigest)
    assert body.traceparent == HANDLING
    assert spans.begun == [("core.2", CONTEXT)]


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
    desk.letters.store()
    assert spans.ended == [None, "boom"]


def test_messages_without_a_context_never_come_to_the_spans() -> None:
    """They are nearly all."""
    spans = RecordingSpans()
    desk = Desk(spans)
    desk.intake.take([event(1), request(2)])
    desk.intake.settle(desk.tokens())
    assert (spans.begun, spans.ended) == ([], [])


def test_a_context_of_the_log_is_read_of_own_messages() -> None:
    """From the headers as they are on the wire."""
    spans = RecordingSpans()
    desk = Desk(spans)
    wanted = Wanted.nothing(Ledger())
    wanted.bars[HOME] = 0
    headers = f"NATS/1.0\r\ntraceparent: {CONTEXT}\r\n\r\n".encode()
    own, other = logged(1, headers=headers), logged(2, OTHERS_BODY, headers)
    desk.intake.read(LogMessages.of([own, other]), wanted, BEGIN)
    assert spans.begun == [("1.10", CONTEXT)]
    desk.intake.forget({HOME})
    assert len(spans.ended) == 1
