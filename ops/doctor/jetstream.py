"""Examining JetStream: streams, consumer, lag. Changes nothing."""

from __future__ import annotations

from enum import Enum, auto
from typing import TYPE_CHECKING

from nats.js.errors import NotFoundError

from bus.streams.risks import risks_of_consumer, risks_of_input_stream, risks_of_output_stream
from ops.doctor.findings import Finding, note, ok, risk

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Sequence

    from nats.js import JetStreamContext
    from nats.js.api import ConsumerInfo, StreamInfo

    from bus.settings import BusSettings

_LAG_NOTED = 10_000


class Sync(Enum):
    """When the server writes messages through to its disk."""

    UNKNOWN = auto()
    LATER = auto()
    ALWAYS = auto()


async def examine_jetstream(
    js: JetStreamContext, settings: BusSettings, sync: Sync
) -> AsyncIterator[Finding]:
    """Yield what there is to say of streams and consumer."""
    subjects = settings.subjects
    infos: list[StreamInfo] = []
    async for finding in _on_inputs(js, settings, infos):
        yield finding
    for what, subject in (
        ("digest stream", subjects.alarm_digest),
        ("dead-letter stream", subjects.dead_letter),
    ):
        name = await stream_of(js, subject)
        if name is None:
            yield note(what, "is not there", "the service creates it when it starts")
            continue
        info = await js.stream_info(name, subject)
        infos.append(info)
        for finding in _on_output_stream(what, info, subject):
            yield finding
    for finding in _on_copies(infos, sync):
        yield finding


async def stream_of(js: JetStreamContext, subject: str) -> str | None:
    """Return the stream that captures a subject; None if none does."""
    try:
        return await js.find_stream_name_by_subject(subject)
    except NotFoundError:
        return None


async def _on_inputs(
    js: JetStreamContext, settings: BusSettings, infos: list[StreamInfo]
) -> AsyncIterator[Finding]:
    names = [await stream_of(js, subject) for subject in settings.subjects.inputs]
    stream = names[0]
    if len(set(names)) > 1:
        yield risk(
            "input stream",
            f"the input subjects are captured by {' and '.join(map(str, names))}",
            "have one stream capture both: the service does not start like this",
        )
        return
    if stream is None:
        yield note("input stream", "is not there", "the service creates it when it starts")
        return
    infos.append(await js.stream_info(stream))
    for finding in _on_input_stream(infos[-1]):
        yield finding
    async for finding in _on_consumer(js, settings, stream):
        yield finding


def _on_input_stream(info: StreamInfo) -> Iterator[Finding]:
    about = f"stream {info.config.name}"
    risks = list(risks_of_input_stream(info.config))
    for one in risks:
        yield risk(about, one.what, one.mend)
    if not risks:
        yield ok(about, f"keeps what is unread; {info.state.messages} messages")


def _on_output_stream(what: str, info: StreamInfo, subject: str) -> Iterator[Finding]:
    about = f"stream {info.config.name}"
    risks = list(risks_of_output_stream(info.config))
    if info.config.no_ack:
        yield risk(about, "acknowledges no publication (no_ack)", "set no_ack to false")
    for one in risks:
        yield risk(about, one.what, one.mend)
    if not risks:
        yield ok(about, f"drops repeats of an id for {info.config.duplicate_window:g} s")
    letters = (info.state.subjects or {}).get(subject, 0)
    if what == "dead-letter stream" and letters:
        yield note(
            about,
            f"holds {letters} dead letters",
            "see what was rejected: main.py dead-letters list --by-reason",
        )


def _on_copies(infos: Sequence[StreamInfo], sync: Sync) -> Iterator[Finding]:
    single = [info.config.name or "" for info in infos if (info.config.num_replicas or 1) < 3]
    if not single:
        if infos:
            yield ok("streams", "three replicas or more")
        return
    about = f"{'streams' if len(single) > 1 else 'stream'} {', '.join(single)}"
    yield note(
        about,
        "no three replicas: a lost disk loses what is in them",
        "on a cluster set STREAM_REPLICAS to 3 before the first start, or edit the streams",
    )
    if sync is Sync.ALWAYS:
        yield ok(about, "on disk before it is acknowledged (sync_interval: always)")
        return
    seen = "cannot be seen" if sync is Sync.UNKNOWN else "is a delay"
    yield risk(
        about,
        f"a power cut may lose what was acknowledged last: sync_interval {seen}",
        "three replicas in separate zones, or sync_interval: always in the server's jetstream "
        "block; --nats-monitor URL lets the doctor see which it is",
    )


async def _on_consumer(
    js: JetStreamContext, settings: BusSettings, stream: str
) -> AsyncIterator[Finding]:
    about = f"consumer {settings.queue_group}"
    try:
        info = await js.consumer_info(stream, settings.queue_group)
    except NotFoundError:
        yield note(about, "is not there", "the service creates it when it starts")
        return
    risks = list(risks_of_consumer(info.config))
    for one in risks:
        yield risk(about, one.what, one.mend)
    if not risks:
        yield ok(about, "never gives a message up")
    for finding in _on_lag(about, info):
        yield finding


def _on_lag(about: str, info: ConsumerInfo) -> Iterator[Finding]:
    waiting, held = info.num_pending or 0, info.num_ack_pending or 0
    says = f"{waiting} messages wait, {held} are held, {info.num_redelivered or 0} came again"
    if waiting and not info.num_waiting:
        yield note(about, f"{says}; nobody asks for them", "start the service, or see its log")
    elif waiting > _LAG_NOTED:
        yield note(about, says, "the service is behind: see whether MongoDB is slow or away")
    else:
        yield ok(about, says)
