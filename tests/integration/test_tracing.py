"""Trace contexts on real servers, and spans as a collector gets them."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from bus.wire.contexts import child_of
from tests.patience import PATIENCE_S

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from opentelemetry.proto.trace.v1.trace_pb2 import Span

    from tests.broker import Broker
    from tests.deployment import Deployment

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
CONTEXT = f"00-{TRACE}-00f067aa0ba902b7-01"
OTHER = f"00-{'a' * 32}-{'b' * 16}-01"


class Collector:
    """An OpenTelemetry collector that keeps what it gets."""

    def __init__(self) -> None:
        """Keep nothing yet."""
        self.spans: dict[str, Span] = {}
        self.port = 0
        self._came = asyncio.Event()

    async def take(self, request: web.Request) -> web.Response:
        """Take a batch."""
        batch = ExportTraceServiceRequest.FromString(await request.read())
        for resource in batch.resource_spans:
            for scope in resource.scope_spans:
                self.spans.update({span.name: span for span in scope.spans})
        self._came.set()
        return web.Response(content_type="application/x-protobuf")

    async def named(self, *names: str) -> list[Span]:
        """Return the spans of these names once all are there."""
        async with asyncio.timeout(PATIENCE_S):
            while not set(names) <= self.spans.keys():
                self._came.clear()
                await self._came.wait()
        return [self.spans[name] for name in names]


@asynccontextmanager
async def _collecting() -> AsyncIterator[Collector]:
    collector = Collector()
    application = web.Application()
    application.add_routes([web.post("/v1/traces", collector.take)])
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    collector.port = runner.addresses[0][1]
    try:
        yield collector
    finally:
        await runner.cleanup()


async def _put(broker: Broker, subject: str, fields: dict[str, str], traceparent: str) -> None:
    body = json.dumps(fields).encode()
    await broker.js.publish(subject, body, headers={"traceparent": traceparent})


async def _event(broker: Broker, traceparent: str) -> None:
    fields = {"UserID": "u1", "AlarmID": "a1", "Status": "CRITICAL"}
    fields["ChangedAt"] = "2021-06-07T20:40:15.598765212Z"
    await _put(broker, broker.names.events, fields, traceparent)


async def test_a_digest_bears_the_context_of_its_request_on(deployment: Deployment) -> None:
    """Without any package of OpenTelemetry's."""
    deployment.start()
    async with deployment.broker() as broker:
        await _event(broker, OTHER)
        await _put(broker, broker.names.requests, {"UserID": "u1"}, CONTEXT)
        told = await broker.next_digest_message()
        assert told.headers is not None
        digest_id = told.headers["Nats-Msg-Id"]
        assert told.headers["traceparent"] == child_of(CONTEXT, digest_id)
        await broker.request("u1")
        plain = await broker.next_digest_message()
        assert plain.headers is not None
        assert "traceparent" not in plain.headers


async def test_a_context_on_core_nats_is_carried_too(deployment: Deployment) -> None:
    """An unsound one is as none."""
    deployment.start(DELIVERY="core")
    async with deployment.broker() as broker:
        heard = await broker.client.subscribe(broker.names.digests)
        for context in ("nonsense", CONTEXT):
            await broker.client.publish(
                broker.names.requests, b'{"UserID": "u1"}', headers={"traceparent": context}
            )
        first, second = [await heard.next_msg(timeout=PATIENCE_S) for _ in range(2)]
        assert "traceparent" not in (first.headers or {})
        assert second.headers is not None
        assert second.headers["traceparent"].startswith(f"00-{TRACE}-")


async def test_a_collector_gets_the_whole_way_of_a_request(deployment: Deployment) -> None:
    """The request's handling, its digest as a child, with a link to the event."""
    async with _collecting() as collector, deployment.broker() as broker:
        service = deployment.start(
            TRACING="otlp",
            OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{collector.port}",
            OTEL_BSP_SCHEDULE_DELAY=100,
        )
        await _event(broker, OTHER)
        await _put(broker, broker.names.requests, {"UserID": "u1"}, CONTEXT)
        told = await broker.next_digest_message()
        event, request, digest = await collector.named(
            "process AlarmStatusChanged", "process SendDigest", "publish AlarmDigest"
        )
        assert await asyncio.to_thread(service.terminate) == 0
    assert request.trace_id.hex() == digest.trace_id.hex() == TRACE
    assert request.parent_span_id.hex() == "00f067aa0ba902b7"
    assert digest.parent_span_id == request.span_id
    assert [link.span_id for link in digest.links] == [event.span_id]
    assert event.trace_id.hex() == "a" * 32
    assert told.headers is not None
    assert told.headers["traceparent"] == f"00-{TRACE}-{digest.span_id.hex()}-01"


async def test_a_collector_that_is_not_there_holds_nobody_up(deployment: Deployment) -> None:
    """Neither messages nor the stop."""
    service = deployment.start(
        TRACING="otlp", OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:9", OTEL_BSP_SCHEDULE_DELAY=50
    )
    async with deployment.broker() as broker:
        await _event(broker, OTHER)
        await _put(broker, broker.names.requests, {"UserID": "u1"}, CONTEXT)
        await broker.next_digest()
        await broker.settled()
    assert service.terminate() == 0
