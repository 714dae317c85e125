"""Examining JetStream: streams, and what the earlier version left. Changes nothing."""

from __future__ import annotations

from enum import Enum, auto
from typing import TYPE_CHECKING, TypeAlias

from nats.errors import Error as NatsError
from nats.errors import TimeoutError as NatsTimeoutError
from nats.js.api import AckPolicy, DiscardPolicy
from nats.js.errors import NotFoundError

from bus.streams.api import stream_of
from bus.streams.marks import MIGRATE, marks_of
from bus.streams.risks import (
    obstacle_of_name,
    obstacle_of_split,
    obstacles_of_input_stream,
    obstacles_of_output_stream,
    risks_of_input_stream,
    risks_of_output_stream,
)
from ops.doctor.findings import Finding, note, ok, risk

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence

    from nats.js import JetStreamContext
    from nats.js.api import StreamConfig, StreamInfo

    from bus.settings import BusSettings
    from bus.streams.origins.sources import Origin

    OriginsOf: TypeAlias = Callable[
        [StreamConfig, Sequence[str]], Awaitable[Sequence[Origin | None]]
    ]

_NO_START = "the service does not start like this"
_CREATED = "the service creates it when it starts"
_SMALL_BYTES = 512
"""What the smallest dead letter takes, its headers and all."""


class Sync(Enum):
    """When the server writes messages through to its disk."""

    UNKNOWN = auto()
    LATER = auto()
    ALWAYS = auto()
    TRIAL = auto()
    """Later, on a server that ``--embedded`` has started: nobody runs it for good."""


async def examine_jetstream(
    js: JetStreamContext, settings: BusSettings, sync: Sync, origins_of: OriginsOf
) -> AsyncIterator[Finding]:
    """Yield what there is to say of the streams, and of what an earlier version has left.

    ``origins_of`` asks for those of a stream's sources.
    """
    subjects = settings.subjects
    infos: list[StreamInfo] = []
    async for finding in _on_inputs(js, settings, infos, origins_of):
        yield finding
    streams = settings.streams
    for what, wanted, subject in (
        ("digest stream", streams.digest_stream, subjects.alarm_digest),
        ("dead-letter stream", streams.dead_letter_stream, subjects.dead_letter),
    ):
        name = await stream_of(js, subject)
        if name is None:
            yield await _on_missing(js, settings, what, wanted, subject)
            continue
        info = await js.stream_info(name, subject)
        infos.append(info)
        for finding in _on_output_stream(what, info, subject):
            yield finding
    for finding in _on_copies(infos, sync):
        yield finding


async def _on_inputs(
    js: JetStreamContext, settings: BusSettings, infos: list[StreamInfo], origins_of: OriginsOf
) -> AsyncIterator[Finding]:
    found = {subject: await stream_of(js, subject) for subject in settings.subjects.inputs}
    split = obstacle_of_split(found)
    if split is not None:
        yield risk("input stream", split.what, f"{split.mend}: {_NO_START}")
        return
    left = await stream_of(js, marks_of(settings.subjects).left)
    if left is not None:
        yield risk(f"stream {left}", "a migration has not finished", f"{MIGRATE} again, soon")
    stream = next(iter(found.values()))
    if stream is None:
        wanted, inputs = settings.streams.input_stream, " and ".join(settings.subjects.inputs)
        yield await _on_missing(js, settings, "input stream", wanted, inputs)
        return
    infos.append(await js.stream_info(stream))
    if others := set(infos[-1].config.subjects or ()) - set(settings.subjects.inputs):
        yield note(
            f"stream {stream}",
            f"captures {', '.join(sorted(others))} as well, which is passed over",
            "nothing, if that is wanted; else have it capture the input subjects only",
        )
    origins = await origins_of(infos[-1].config, settings.subjects.inputs)
    for finding in _on_input_stream(infos[-1], settings.subjects.inputs, origins):
        yield finding
    async for finding in _on_earlier_consumer(js, settings, infos[-1]):
        yield finding


async def _on_missing(
    js: JetStreamContext, settings: BusSettings, what: str, wanted: str, subjects: str
) -> Finding:
    """Judge whether the service can create a stream that is not there."""
    try:
        there = (await js.stream_info(wanted)).config
    except NotFoundError:
        pass
    except NatsError:
        return note(what, "is not there, as far as can be seen", _CREATED)
    else:
        taken = obstacle_of_name(there, subjects)
        return risk(f"stream {wanted}", taken.what, f"{taken.mend}: {_NO_START}")
    ours = settings.subjects
    each = (ours.alarm_status_changed, ours.alarm_digest, ours.dead_letter)
    try:
        missing = [subject for subject in each if await stream_of(js, subject) is None]
        account = await js.account_info()
    except NatsError:
        return note(what, "is not there", _CREATED)
    limit = account.limits.max_streams
    if 0 < limit < account.streams + len(missing):
        return risk(
            what,
            f"is not there; the account may have {limit} streams, has {account.streams}, and the "
            f"service creates {len(missing)}",
            f"raise max_streams of the account: {_NO_START}",
        )
    if account.limits.max_bytes_required:
        return risk(
            what,
            "is not there, and the account wants every stream to have max_bytes",
            f"create it with max_bytes, or take max_bytes_required away: {_NO_START}",
        )
    return note(what, "is not there", _CREATED)


def _on_input_stream(
    info: StreamInfo, inputs: Sequence[str], origins: Sequence[Origin | None]
) -> Iterator[Finding]:
    about, state = f"stream {info.config.name}", info.state
    obstacles = list(obstacles_of_input_stream(info.config, inputs, origins))
    for obstacle in obstacles:
        yield risk(about, obstacle.what, f"{obstacle.mend}: {_NO_START}")
    risks = list(risks_of_input_stream(info.config, inputs, origins))
    for one in risks:
        yield risk(about, one.what, one.mend)
    if not risks and not obstacles:
        yield ok(about, f"keeps what is unread; {state.messages} messages from {state.first_seq}")


async def _on_earlier_consumer(
    js: JetStreamContext, settings: BusSettings, info: StreamInfo
) -> AsyncIterator[Finding]:
    """Yield what is left of the version that shared a durable consumer."""
    durable = settings.queue_group
    if not info.state.consumer_count:
        return
    try:
        config = (await js.consumer_info(info.config.name or "", durable)).config
    except NotFoundError:
        return
    except NatsTimeoutError:
        yield note(
            f"consumer {durable}",
            "whether the earlier version has left it cannot be seen",
            f"ask somebody who may: nats consumer info {info.config.name} {durable}",
        )
        return
    if config.ack_policy == AckPolicy.EXPLICIT:
        yield risk(
            f"consumer {durable}",
            "is left of the earlier version; what it has done with would be done again",
            f"stop all instances, then {MIGRATE}: {_NO_START}",
        )


def _on_output_stream(what: str, info: StreamInfo, subject: str) -> Iterator[Finding]:
    about = f"stream {info.config.name}"
    risks = list(risks_of_output_stream(info.config, subject))
    for obstacle in obstacles_of_output_stream(info.config, subject):
        yield risk(about, obstacle.what, f"{obstacle.mend}: {_NO_START}")
    for one in risks:
        yield risk(about, one.what, one.mend)
    letters = (info.state.subjects or {}).get(subject, 0)
    if _is_full(info, letters):
        yield risk(
            about,
            f"is full, with {info.state.messages} messages of {info.state.bytes} bytes in all, and "
            "refuses what is new: what should be published to it waits",
            "raise max_msgs and max_bytes, or remove what is done with",
        )
    elif not risks:
        yield ok(about, f"drops repeats of an id for {info.config.duplicate_window:g} s")
    if what == "dead-letter stream" and letters:
        yield note(
            about,
            f"holds {letters} dead letters",
            "see what was rejected: main.py dead-letters list --by-reason",
        )


def _is_full(info: StreamInfo, of_subject: int) -> bool:
    """Whether a stream has no room for a small message more, and discards none for it."""
    config, state = info.config, info.state
    if config.discard != DiscardPolicy.NEW:
        return False
    reached = [
        (config.max_msgs, state.messages),
        (config.max_bytes, state.bytes + _SMALL_BYTES),
        (config.max_msgs_per_subject if config.discard_new_per_subject else None, of_subject),
    ]
    return any(limit is not None and 0 < limit <= held for limit, held in reached)


def _on_copies(infos: Sequence[StreamInfo], sync: Sync) -> Iterator[Finding]:
    single = [info.config.name or "" for info in infos if (info.config.num_replicas or 1) < 3]
    if not single:
        if infos:
            yield ok("streams", "three replicas or more")
        return
    about = f"{'streams' if len(single) > 1 else 'stream'} {', '.join(single)}"
    if sync is Sync.TRIAL:
        yield note(
            about,
            "on a server of --embedded: one copy, where a power cut may lose what came last",
            "nothing for a trial; for good, servers of your own: docs/operations/durability.md",
        )
        return
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
