"""Spans by OpenTelemetry's SDK; imported only when tracing is asked for."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, NamedTuple

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    StatusCode,
    TraceFlags,
    set_span_in_context,
)

from actors.messages.inputs import AlarmStatusChanged
from bus.wire.contexts import child_of, sound
from ops.version import VERSION

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.sdk.trace import SpanProcessor
    from opentelemetry.trace import Span

    from actors.errors import PublishFailedError
    from actors.messages.inputs import SendDigest
    from actors.ports import DeliveryToken
    from actors.rules.alarms import AlarmID, UserID
    from actors.rules.digest import Digest

REMEMBERED_EVENTS = 10_000
"""Of so many alarms it is known which traced event changed them last; the rest get no link."""

_STOP_S = 3.0


class _GivenIds(RandomIdGenerator):
    """Gives the span that is begun next an id that was fixed before."""

    def __init__(self) -> None:
        self.next = 0

    def generate_span_id(self) -> int:
        given, self.next = self.next, 0
        return given or super().generate_span_id()


class _Heard(NamedTuple):
    changed_at_ns: int
    traceparent: str


class OtlpSpans:
    """Records spans of messages with a context, and of their digests. Runs on the bus's thread.

    A span of a message lasts from its arrival until it is settled, one of a digest from an attempt
    to publish until the stream answers. A digest's span links to the events that made its alarms
    what they are, as far as they are remembered. Sending is on a thread of the SDK's, which drops
    what a collector does not take in time.
    """

    records = True

    def __init__(self, processor: SpanProcessor | None = None) -> None:
        """Begin; ``OTEL_…`` variables say where to send, and sample, and name the service."""
        self._ids = _GivenIds()
        resource = Resource.create({"service.name": "alarm-digest", "service.version": VERSION})
        self._provider = TracerProvider(
            resource=resource, id_generator=self._ids, shutdown_on_exit=False
        )
        self._provider.add_span_processor(processor or BatchSpanProcessor(OTLPSpanExporter()))
        self._tracer = self._provider.get_tracer("alarm-digest", VERSION)
        self._open: dict[DeliveryToken, Span] = {}
        self._heard: OrderedDict[tuple[UserID, AlarmID], _Heard] = OrderedDict()

    def taken(
        self,
        token: DeliveryToken,
        name: str,
        traceparent: str,
        body: AlarmStatusChanged | SendDigest,
    ) -> str:
        """See ``Spans``."""
        context = child_of(traceparent, f"{name}.{token}")
        kind = type(body).__name__
        self._open[token] = self._begin(f"process {kind}", SpanKind.CONSUMER, traceparent, context)
        if isinstance(body, AlarmStatusChanged):
            self._remember(body, context)
        return context

    def settled(self, token: DeliveryToken, rejection: str | None) -> None:
        """See ``Spans``."""
        span = self._open.pop(token, None)
        if span is not None:
            _end(span, rejection)

    def sending(
        self, digest: Digest, settled: Callable[[PublishFailedError | None], None]
    ) -> Callable[[PublishFailedError | None], None]:
        """See ``Spans``."""
        parent = sound(digest.traceparent)
        if parent is None:
            return settled
        context = child_of(parent, digest.digest_id)
        links = [Link(_span_context(heard)) for heard in self._contexts_of(digest)]
        span = self._begin("publish AlarmDigest", SpanKind.PRODUCER, parent, context, links)
        span.set_attribute("alarm_digest.alarms", len(digest.items))
        span.set_attribute("messaging.message.id", digest.digest_id)

        def end(error: PublishFailedError | None) -> None:
            _end(span, None if error is None else str(error))
            settled(error)

        return end

    def stop(self) -> None:
        """Send what is recorded, for a few seconds at the most. Blocks."""
        # On a thread that nobody waits for: a collector that does not answer must not keep us.
        thread = threading.Thread(target=self._provider.shutdown, name="tracing", daemon=True)
        thread.start()
        thread.join(_STOP_S)

    def _begin(
        self,
        name: str,
        kind: SpanKind,
        parent: str,
        context: str,
        links: list[Link] | None = None,
    ) -> Span:
        self._ids.next = _span_context(context).span_id
        around = set_span_in_context(NonRecordingSpan(_span_context(parent)))
        attributes = {"messaging.system": "nats"}
        span = self._tracer.start_span(
            name, context=around, kind=kind, links=links, attributes=attributes
        )
        self._ids.next = 0  # not drawn for a span that is not sampled
        return span

    def _remember(self, event: AlarmStatusChanged, context: str) -> None:
        alarm = (event.user_id, event.alarm_id)
        known = self._heard.get(alarm)
        if known is None or known.changed_at_ns <= event.changed_at_ns:
            self._heard[alarm] = _Heard(event.changed_at_ns, context)
            self._heard.move_to_end(alarm)
        while len(self._heard) > REMEMBERED_EVENTS:
            self._heard.popitem(last=False)

    def _contexts_of(self, digest: Digest) -> list[str]:
        found = (
            (self._heard.get((digest.user_id, item.alarm_id)), item.changed_at_ns)
            for item in digest.items
        )
        return [
            heard.traceparent
            for heard, changed_at_ns in found
            if heard is not None and heard.changed_at_ns == changed_at_ns
        ]


def _span_context(traceparent: str) -> SpanContext:
    _, trace_id, span_id, flags = traceparent.split("-")[:4]
    return SpanContext(
        int(trace_id, 16), int(span_id, 16), is_remote=True, trace_flags=TraceFlags(int(flags, 16))
    )


def _end(span: Span, failure: str | None) -> None:
    if failure is not None:
        span.set_status(StatusCode.ERROR, failure)
    span.end()
