"""Streams and consumer: created when they are not there, used as they are when they are.

What is found on the server is read back and compared: old servers drop settings they do not know
without a word, and an operator's own stream may break a promise. That is a warning, not an error.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nats.js.api import (
    AckPolicy,
    ConsumerConfig,
    DeliverPolicy,
    DiscardPolicy,
    RetentionPolicy,
    StorageType,
    StreamConfig,
)
from nats.js.errors import NotFoundError

from bus.errors import BusSetupError
from bus.streams.risks import risks_of_consumer, risks_of_input_stream, risks_of_output_stream

if TYPE_CHECKING:
    from collections.abc import Iterable

    from nats.js import JetStreamContext
    from nats.js.api import ConsumerInfo

    from bus.settings import BusSettings
    from bus.streams.risks import Risk

logger = logging.getLogger("bus.topology")


@dataclass(frozen=True, slots=True)
class Topology:
    """What the consumer needs to know of the server's side."""

    stream: str
    stream_created: str
    """When the stream was created: what tells it from another of the same name."""
    consumer: str
    ack_wait_s: float


async def ensure_topology(js: JetStreamContext, settings: BusSettings) -> Topology:
    """Find or create the streams and the durable consumer.

    Raises ``BusSetupError`` when what exists cannot serve, ``nats.errors.Error`` when the server
    does not answer or refuses.
    """
    stream = await _ensure_input_stream(js, settings)
    await ensure_output_streams(js, settings)
    return await ensure_consumer(js, settings, stream)


async def ensure_output_streams(js: JetStreamContext, settings: BusSettings) -> None:
    """Find or create the streams of digests and dead letters; raises like ``ensure_topology``."""
    streams = settings.streams
    await _ensure_output_stream(
        js,
        settings,
        streams.digest_stream,
        settings.subjects.alarm_digest,
        streams.digest_max_age_s,
    )
    await _ensure_output_stream(
        js,
        settings,
        streams.dead_letter_stream,
        settings.subjects.dead_letter,
        streams.dead_letter_max_age_s,
    )


async def ensure_consumer(js: JetStreamContext, settings: BusSettings, stream: str) -> Topology:
    """Find or create the durable consumer; raises like ``ensure_topology``.

    Raises ``nats.js.errors.NotFoundError`` when the stream is not there.
    """
    durable = settings.queue_group
    found = await js.stream_info(stream)
    try:
        info = await js.consumer_info(stream, durable)
    except NotFoundError:
        info = await _create_consumer(js, settings, stream, found.config.subjects or [])
    _check_consumer(info, durable)
    ack_wait_s = info.config.ack_wait or settings.streams.ack_wait_s
    return Topology(stream, str(found.created), durable, ack_wait_s)


async def _stream_of(js: JetStreamContext, subject: str) -> str | None:
    try:
        return await js.find_stream_name_by_subject(subject)
    except NotFoundError:
        return None


async def _ensure_input_stream(js: JetStreamContext, settings: BusSettings) -> str:
    found = {subject: await _stream_of(js, subject) for subject in settings.subjects.inputs}
    names = set(found.values())
    if names == {None}:
        # A work queue keeps a message until it is acknowledged and no longer: nothing unread
        # is discarded, and the disk holds the backlog instead of the history.
        await _create_stream(
            js,
            StreamConfig(
                name=settings.streams.input_stream,
                subjects=settings.subjects.inputs,
                retention=RetentionPolicy.WORK_QUEUE,
                storage=StorageType.FILE,
                discard=DiscardPolicy.NEW,
                num_replicas=settings.streams.replicas,
                duplicate_window=settings.streams.duplicate_window_s,
            ),
        )
        return settings.streams.input_stream
    if len(names) > 1 or None in names:
        where = ", ".join(f"{subject} in {name or 'none'}" for subject, name in found.items())
        message = (
            f"INPUT_STREAM: one stream must capture both input subjects, found {where}; "
            "add the missing subject to that stream"
        )
        raise BusSetupError(message)
    name = names.pop()
    assert name is not None
    await _check_input_stream(js, name)
    return name


async def _check_input_stream(js: JetStreamContext, name: str) -> None:
    _warn(risks_of_input_stream((await js.stream_info(name)).config), stream=name)


async def _ensure_output_stream(
    js: JetStreamContext, settings: BusSettings, name: str, subject: str, max_age_s: int
) -> None:
    found = await _stream_of(js, subject)
    if found is None:
        await _create_stream(
            js,
            StreamConfig(
                name=name,
                subjects=[subject],
                retention=RetentionPolicy.LIMITS,
                storage=StorageType.FILE,
                discard=DiscardPolicy.OLD,
                max_age=float(max_age_s),
                num_replicas=settings.streams.replicas,
                duplicate_window=settings.streams.duplicate_window_s,
            ),
        )
        found = name
    config = (await js.stream_info(found)).config
    _warn(risks_of_output_stream(config), stream=found)
    if config.no_ack:
        message = (
            f"stream {found}: acknowledges no publication (no_ack); set it to false, or give "
            f"{subject} a stream of its own"
        )
        raise BusSetupError(message)


async def _create_stream(js: JetStreamContext, config: StreamConfig) -> None:
    await js.add_stream(config)
    logger.info("stream.created", extra={"stream": config.name})


async def _create_consumer(
    js: JetStreamContext, settings: BusSettings, stream: str, captured: list[str]
) -> ConsumerInfo:
    config = ConsumerConfig(
        durable_name=settings.queue_group,
        description="alarm digest service: checkpoints events, answers digest requests",
        ack_policy=AckPolicy.EXPLICIT,
        deliver_policy=DeliverPolicy.ALL,
        ack_wait=settings.streams.ack_wait_s,
        max_deliver=-1,
        max_ack_pending=-1,
    )
    if set(captured) != set(settings.subjects.inputs):
        # A stream of somebody else's. Servers before 2.10 drop the filter without a word; what
        # then arrives beside our subjects is acknowledged and ignored.
        config.filter_subjects = settings.subjects.inputs
    info = await js.add_consumer(stream, config)
    logger.info("consumer.created", extra={"stream": stream, "consumer": info.name})
    return info


def _check_consumer(info: ConsumerInfo, durable: str) -> None:
    config = info.config
    if config.deliver_subject:
        message = f"QUEUE_GROUP: consumer {durable} is push based; delete it or choose another name"
        raise BusSetupError(message)
    if config.ack_policy not in (None, AckPolicy.EXPLICIT):
        message = (
            f"QUEUE_GROUP: consumer {durable} does not acknowledge explicitly; delete it or "
            "choose another name"
        )
        raise BusSetupError(message)
    _warn(risks_of_consumer(config), consumer=durable)


def _warn(risks: Iterable[Risk], **where: str) -> None:
    for risk in risks:
        logger.warning(risk.event, extra={**where, "mend": risk.mend})
