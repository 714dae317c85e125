"""Streams: created when they are not there, used as they are when they are.

What is found on the server is read back and judged: old servers drop settings they do not know
without a word, and an operator's own stream may break a promise. That is a warning; what lets
nothing work is a wrong setting, and ends the start.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nats.errors import TimeoutError as NatsTimeoutError
from nats.js.errors import APIError

from bus.errors import BusSetupError
from bus.migration.durable import earlier_consumer
from bus.streams.api import JetStreamAPI, StreamFacts, is_passing
from bus.streams.marks import MIGRATE, marks_of
from bus.streams.origins.asking import origins_of
from bus.streams.risks import (
    obstacle_of_name,
    obstacle_of_split,
    obstacles_of_input_stream,
    obstacles_of_output_stream,
    risks_of_input_stream,
    risks_of_output_stream,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from nats.aio.client import Client

    from bus.settings import BusSettings, StreamSettings
    from bus.streams.risks import Risk

logger = logging.getLogger("bus.topology")

INPUT_DESCRIPTION = "alarm digest service: events and requests, read as a log"

_UNLIMITED = {"max_msgs": -1, "max_bytes": -1, "max_msgs_per_subject": -1, "max_consumers": -1}
_NAME_IN_USE = 10058
_SETTING_OF_REFUSAL = {
    10052: "DUPLICATE_WINDOW",  # larger than the server's limit
    10074: "STREAM_REPLICAS",  # replicas > 1 not supported in non-clustered mode
}
"""Which setting a refusal to create a stream is about, by JetStream's error code."""
_CREATED_TIMES = 3


@dataclass(frozen=True, slots=True)
class Topology:
    """What reading needs to know of the server's side."""

    stream: str
    stream_created: str
    """When the stream was created, as the server prints it: what tells it from another."""
    made: bool = False
    """Whether it was created just now, by us: to be remembered, for only such one is purged."""


async def ensure_topology(client: Client, settings: BusSettings) -> Topology:
    """Find or create the streams.

    Raises ``BusSetupError`` when what exists cannot serve or the server refuses what we want to
    create, ``nats.errors.Error`` when the server does not answer.
    """
    topology = await ensure_input_stream(client, settings)
    await ensure_output_streams(client, settings)
    return topology


async def ensure_input_stream(client: Client, settings: BusSettings) -> Topology:
    """Find or create the stream that is read; raises like ``ensure_topology``."""
    api = JetStreamAPI(client)
    found = {subject: await api.stream_of(subject) for subject in settings.subjects.inputs}
    split = obstacle_of_split(found)
    if split is not None:
        raise BusSetupError(f"INPUT_STREAM: {split.what}; {split.mend}")
    name = next(iter(found.values()))
    if name is None:
        left = await api.stream_of(marks_of(settings.subjects).left)
        if left is not None:
            raise BusSetupError(
                f"INPUT_STREAM: a migration has not finished: stream {left} holds what it moves; "
                f"{MIGRATE} again, soon: nobody captures the input subjects"
            )
        wanted = input_stream_settings(settings)
        made = await _create(api, wanted, "INPUT_STREAM")
        return Topology(made.name, made.created, made=True)
    facts = await api.stream(name)
    inputs = settings.subjects.inputs
    origins = await origins_of(api, facts.config, inputs)
    for obstacle in obstacles_of_input_stream(facts.config, inputs, origins):
        raise BusSetupError(f"INPUT_STREAM: stream {name} {obstacle.what}; {obstacle.mend}")
    await _refuse_earlier_consumer(api, facts, settings.queue_group)
    _warn(risks_of_input_stream(facts.config, inputs, origins), stream=name)
    return Topology(name, facts.created)


def input_stream_settings(settings: BusSettings) -> dict[str, Any]:
    """Return what the input stream is created with.

    It bounds nothing by itself: what every partition has passed and is old is purged by us.
    """
    streams = settings.streams
    return {
        **_stream_settings(streams, streams.input_stream, settings.subjects.inputs),
        "description": INPUT_DESCRIPTION,
        "discard": "new",
        "max_age": 0,
    }


async def ensure_output_streams(client: Client, settings: BusSettings) -> None:
    """Find or create the streams of digests and dead letters; raises like ``ensure_topology``."""
    api, streams, subjects = JetStreamAPI(client), settings.streams, settings.subjects
    for setting, name, subject, max_age_s in (
        ("DIGEST_STREAM", streams.digest_stream, subjects.alarm_digest, streams.digest_max_age_s),
        (
            "DEAD_LETTER_STREAM",
            streams.dead_letter_stream,
            subjects.dead_letter,
            streams.dead_letter_max_age_s,
        ),
    ):
        found = await api.stream_of(subject)
        wanted = {
            **_stream_settings(streams, name, [subject]),
            "discard": "old",
            "max_age": int(max_age_s * 1e9),
        }
        facts = await (_create(api, wanted, setting) if found is None else api.stream(found))
        for obstacle in obstacles_of_output_stream(facts.config, subject):
            raise BusSetupError(f"{setting}: stream {facts.name} {obstacle.what}; {obstacle.mend}")
        _warn(risks_of_output_stream(facts.config, subject), stream=facts.name)


def _stream_settings(streams: StreamSettings, name: str, subjects: list[str]) -> dict[str, Any]:
    return {
        "name": name,
        "subjects": subjects,
        "retention": "limits",
        "storage": "file",
        "num_replicas": streams.replicas,
        "duplicate_window": int(streams.duplicate_window_s * 1e9),
        **_UNLIMITED,
    }


async def _create(api: JetStreamAPI, wanted: dict[str, Any], setting: str) -> StreamFacts:
    name = wanted["name"]
    try:
        created = await _create_for_certain(api, wanted)
    except APIError as error:
        if is_passing(error) and error.err_code not in _SETTING_OF_REFUSAL:
            raise
        if error.err_code == _NAME_IN_USE:
            there = (await api.stream(name)).config
            taken = obstacle_of_name(there, " and ".join(wanted["subjects"]))
            raise BusSetupError(f"{setting}: stream {name} {taken.what}; {taken.mend}") from error
        named = _SETTING_OF_REFUSAL.get(error.err_code or 0, setting)
        raise BusSetupError(
            f"{named}: the server refused to create stream {name}: {error.description} (code "
            f"{error.err_code}); create it yourself, or mend what it says"
        ) from error
    logger.info("stream.created", extra={"stream": name})
    return created


async def _create_for_certain(api: JetStreamAPI, wanted: dict[str, Any]) -> StreamFacts:
    """Create a stream, or learn that an earlier try of this very call has, whose answer was lost.

    Found by the next look it would pass for somebody else's, and never be purged.
    """
    for _ in range(_CREATED_TIMES - 1):
        try:
            return await api.create(wanted)
        except NatsTimeoutError:
            continue
    return await api.create(wanted)


async def _refuse_earlier_consumer(api: JetStreamAPI, facts: StreamFacts, durable: str) -> None:
    """End the start where reading would begin before what the earlier version has done with.

    Every request that the stream still holds would be answered again.
    """
    if not facts.state.get("consumer_count"):
        return
    try:
        earlier = await earlier_consumer(api, facts.name, durable)
    except NatsTimeoutError:
        return  # not permitted to ask: doctor tells
    if earlier is not None:
        raise BusSetupError(
            f"QUEUE_GROUP: consumer {durable} of the earlier version is still on stream "
            f"{facts.name}; stop all instances, then {MIGRATE} goes on where it has come to and "
            "removes it (docs/operations/upgrades.md)"
        )


def _warn(risks: Iterable[Risk], **where: str) -> None:
    for risk in risks:
        logger.warning(risk.event, extra={**where, "mend": risk.mend})
