"""Spans: of traced messages from arrival to settlement, and of their digests, with links."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode, format_span_id, format_trace_id

from actors.errors import PublishFailedError, SettingsError
from actors.messages.inputs import AlarmStatusChanged, SendDigest
from actors.ports import DeliveryToken
from actors.rules.alarms import AlarmID, Severity, UserID
from actors.rules.digest import Digest, DigestID, DigestItem
from bus.spans import NoSpans
from bus.wire.contexts import child_of
from ops.monitoring import telemetry
from ops.monitoring.telemetry import OtlpSpans
from ops.monitoring.tracing import OFF, OTLP, TracingSettings, start_tracing

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan

USER, ALARM = UserID("u1"), AlarmID("a1")
TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
CONTEXT = f"00-{TRACE}-{PARENT}-01"
UNSAMPLED = f"00-{TRACE}-{PARENT}-00"
OTHER = f"00-{'a' * 32}-{'b' * 16}-01"
T1, T2 = DeliveryToken(1), DeliveryToken(2)


class Desk:
    """A recorder, and what it has recorded."""

    def __init__(self) -> None:
        """Record into memory."""
        self.exporter = InMemorySpanExporter()
        self.spans = OtlpSpans(SimpleSpanProcessor(self.exporter))
        self.settled: list[PublishFailedError | None] = []

    def event(self, token: DeliveryToken, at_ns: int = 5, traceparent: str = OTHER) -> str:
        """Have an event arrive; return the context of its span."""
        body = AlarmStatusChanged(USER, ALARM, Severity.WARNING, at_ns)
        return self.spans.taken(token, f"{token}.99", traceparent, body)

    def send(self, at_ns: int = 5, error: PublishFailedError | None = None) -> None:
        """Publish a digest of the alarm as it was at a time, for a request with a context."""
        items = (DigestItem(ALARM, Severity.WARNING, at_ns),)
        digest = Digest(DigestID("d1"), USER, items, CONTEXT)
        self.spans.sending(digest, self.settled.append)(error)

    def recorded(self) -> ReadableSpan:
        """Return the one span that has ended."""
        [span] = self.exporter.get_finished_spans()
        return span


def _context_of(span: ReadableSpan) -> str:
    context = span.get_span_context()
    assert context is not None
    return f"00-{format_trace_id(context.trace_id)}-{format_span_id(context.span_id)}-01"


def test_a_message_is_a_span_from_its_arrival_until_it_is_settled() -> None:
    """A child of its producer's, in the same trace."""
    desk = Desk()
    context = desk.spans.taken(T1, "1.99", CONTEXT, SendDigest(USER, None))
    assert desk.exporter.get_finished_spans() == ()
    desk.spans.settled(T1, None)
    span = desk.recorded()
    assert (span.name, span.kind) == ("process SendDigest", SpanKind.CONSUMER)
    assert span.parent is not None
    assert format_span_id(span.parent.span_id) == PARENT
    assert _context_of(span) == context
    assert context.startswith(f"00-{TRACE}-")
    assert span.status.status_code is StatusCode.UNSET


def test_a_message_that_becomes_a_dead_letter_is_a_failed_span() -> None:
    """With the reason."""
    desk = Desk()
    desk.event(T1)
    desk.spans.settled(T1, "processing failed 5 times")
    status = desk.recorded().status
    assert (status.status_code, status.description) == (
        StatusCode.ERROR,
        "processing failed 5 times",
    )


def test_a_digest_is_the_span_that_its_message_names() -> None:
    """Whoever consumes it makes children of that."""
    desk = Desk()
    desk.send()
    span = desk.recorded()
    assert (span.name, span.kind) == ("publish AlarmDigest", SpanKind.PRODUCER)
    assert _context_of(span) == child_of(CONTEXT, "d1")
    assert desk.settled == [None]


def test_an_attempt_that_fails_is_a_failed_span_and_is_told() -> None:
    """The publisher tries again, which is another span of the same id."""
    desk = Desk()
    error = PublishFailedError("no answer from the stream in time")
    desk.send(error=error)
    assert desk.recorded().status.status_code is StatusCode.ERROR
    assert desk.settled == [error]


def test_a_digest_links_to_the_event_that_made_its_alarm_what_it_is() -> None:
    """In another trace: each event has its own."""
    desk = Desk()
    context = desk.event(T1, at_ns=7)
    desk.event(T2, at_ns=6, traceparent=CONTEXT)  # stale
    desk.send(at_ns=7)
    links = desk.recorded().links
    assert [format_span_id(link.context.span_id) for link in links] == [context.split("-")[2]]
    assert format_trace_id(links[0].context.trace_id) == "a" * 32


def test_there_is_no_link_to_another_state_of_the_alarm() -> None:
    """The event that made it so bore no context."""
    desk = Desk()
    desk.event(T1, at_ns=6)
    desk.send(at_ns=7)
    assert not desk.recorded().links


def test_what_is_remembered_of_events_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The one heard last of is remembered."""
    monkeypatch.setattr(telemetry, "REMEMBERED_EVENTS", 1)
    desk = Desk()
    desk.event(T1)
    other = AlarmStatusChanged(UserID("u2"), ALARM, Severity.WARNING, 5)
    desk.spans.taken(T2, "2.99", OTHER, other)
    desk.send()
    assert not desk.recorded().links


def test_what_its_producer_did_not_sample_is_not_recorded() -> None:
    """And the context says so to those who come after."""
    desk = Desk()
    context = desk.event(T1, traceparent=UNSAMPLED)
    desk.spans.settled(T1, None)
    assert context.endswith("-00")
    assert desk.exporter.get_finished_spans() == ()


def test_the_id_of_a_span_that_was_not_sampled_is_not_the_nexts() -> None:
    """Each has its own."""
    desk = Desk()
    desk.event(T1, traceparent=UNSAMPLED)
    desk.send()
    assert _context_of(desk.recorded()) == child_of(CONTEXT, "d1")


def test_off_records_nothing_and_imports_nothing() -> None:
    """Not even when the packages are there."""
    assert isinstance(start_tracing(TracingSettings(OFF)), NoSpans)


def test_without_its_packages_it_is_a_wrong_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Which the mend names."""
    monkeypatch.delitem(sys.modules, "ops.monitoring.telemetry")
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    with pytest.raises(SettingsError, match=r"^TRACING: .*pip install 'alarm-digest\[tracing\]'"):
        start_tracing(TracingSettings(OTLP))
