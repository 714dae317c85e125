"""What is wrong with a stream that exists, each with its mend. Pure.

A *risk* would break a promise some day and is a warning; an *obstacle* lets nothing work and ends
the start. Configurations are compared by value: nats-py leaves what the server says as plain
strings.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from nats.js.api import DiscardPolicy, RetentionPolicy, StorageType

from bus.streams.marks import MIGRATE, MOVING_DESCRIPTION
from bus.streams.origins.sources import faults_of_sources
from bus.subjects import covers

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from nats.js.api import StreamConfig, SubjectTransform

    from bus.streams.origins.sources import Origin

_ROOMY_BYTES = 1024 * 1024
"""What a server takes unless it is told otherwise."""


class Risk(NamedTuple):
    """What may happen, and how to mend it."""

    event: str
    """The name it has in the log."""
    what: str
    mend: str


class Obstacle(NamedTuple):
    """Why a stream cannot be used, and how to mend it."""

    what: str
    mend: str


def risks_of_input_stream(
    config: StreamConfig, inputs: Sequence[str], origins: Sequence[Origin | None] = ()
) -> Iterator[Risk]:
    """Yield what may lose messages that were not read yet, or bring others than the ``inputs``.

    ``origins`` are those of its sources, None or none for what could not be seen.
    """
    event = "stream.may_lose_messages"
    if _may_discard(config):
        yield Risk(
            event,
            "unread messages vanish when it reaches a limit",
            "lift its limits, or set discard new: unread messages vanish at a limit",
        )
    if config.allow_msg_ttl:
        yield Risk(
            event,
            "a message may be published with a time to live, after which it vanishes unread",
            "set allow_msg_ttl to false, or see that no producer sets Nats-TTL",
        )
    if config.max_consumers is not None and config.max_consumers > 0:
        yield Risk(
            "stream.bounds_instances",
            f"it allows {config.max_consumers} consumers",
            "set max_consumers to -1: each instance reads by a consumer of its own, two at times",
        )
    for fault in faults_of_sources(config, inputs, origins):
        if not fault.certain:
            yield Risk("stream.takes_unknown_subjects", fault.what, fault.mend)
    yield from _risks_of_memory(config)


def risks_of_output_stream(config: StreamConfig, subject: str) -> Iterator[Risk]:
    """Yield what may tell a digest twice, or lose it; ``subject`` is what we publish to it."""
    if not config.duplicate_window:
        yield Risk(
            "stream.does_not_deduplicate",
            "a digest that is published again after a crash is told twice",
            "set a duplicate window of two minutes or more",
        )
    if config.retention == RetentionPolicy.INTEREST:
        yield Risk(
            "stream.may_lose_messages",
            f"it has interest retention: what is published to {subject} while no consumer is "
            "there is acknowledged, and gone",
            "use limits retention, or see that its consumers are durable",
        )
    if _renames(config.subject_transform, subject):
        yield Risk(
            "stream.renames_subjects",
            f"what is published to {subject} is stored under another subject",
            "take its subject_transform away: whoever reads the stream looks for that subject",
        )
    if config.max_msg_size is not None and 0 < config.max_msg_size < _ROOMY_BYTES:
        yield Risk(
            "stream.limits_message_size",
            f"it takes messages of {config.max_msg_size} bytes at the most: digests come in parts, "
            "dead letters are cut",
            "set max_msg_size to -1: the account's max_payload is limit enough",
        )
    yield from _risks_of_memory(config)


def obstacles_of_output_stream(config: StreamConfig, subject: str) -> Iterator[Obstacle]:
    """Yield why nothing can be published to ``subject`` for certain, or at all."""
    own = f"or give {subject} a stream of its own"
    if config.no_ack:
        yield Obstacle("acknowledges no publication (no_ack)", f"set it to false, {own}")
    if config.sealed:
        yield Obstacle("is sealed: it takes nothing any more", f"delete it, {own}")
    if config.allow_msg_counter:
        yield Obstacle(
            "counts (allow_msg_counter): it takes numbers only",
            f"give {subject} a stream of its own",
        )


def obstacles_of_input_stream(
    config: StreamConfig, inputs: Sequence[str], origins: Sequence[Origin | None] = ()
) -> Iterator[Obstacle]:
    """Yield why a stream that captures the ``inputs`` cannot be read as a log."""
    if config.description == MOVING_DESCRIPTION:
        yield Obstacle(
            "does not hold yet what a migration began to move into it",
            f"{MIGRATE} again: it goes on where it was left",
        )
    if config.retention == RetentionPolicy.WORK_QUEUE:
        yield Obstacle(
            "is a work queue, as the earlier version made it: such a stream cannot be read again",
            f"stop all instances, then {MIGRATE} (docs/operations/upgrades.md)",
        )
    elif config.retention not in (None, RetentionPolicy.LIMITS):
        yield Obstacle(
            f"has {_word(config.retention)} retention, which keeps nothing for those who read "
            "again",
            f"nats stream edit {config.name} --retention limits; where the server does not "
            "allow that, delete it once it is empty and the service makes it",
        )
    if config.mirror is not None:
        yield Obstacle(
            f"is a mirror of {config.mirror.name}: what is published to it is not taken",
            f"delete it, and the service makes one, which may have {config.mirror.name} for a "
            "source",
        )
    renamed = [one for one in inputs if _renames(config.subject_transform, one)]
    if renamed:
        yield Obstacle(
            f"renames {' and '.join(renamed)} (subject_transform): its messages would not be "
            "known again",
            "take its subject_transform away",
        )
    for fault in faults_of_sources(config, inputs, origins):
        if fault.certain:
            yield Obstacle(fault.what, fault.mend)


def obstacle_of_name(config: StreamConfig, subjects: str) -> Obstacle:
    """Return why a stream cannot be created: the one of its name does not capture ``subjects``."""
    if config.mirror is not None:
        return Obstacle(
            f"is a mirror of {config.mirror.name}, which captures nothing, nor ever {subjects}",
            "set another name; a stream that captures them may have that one for a source",
        )
    return Obstacle(
        f"is there and does not capture {subjects}", "have it capture that, or set another name"
    )


def obstacle_of_split(found: dict[str, str | None]) -> Obstacle | None:
    """Return why the inputs, given the stream of each, have no order; None if it is one stream.

    A stream of none at all is no obstacle: it will be made.
    """
    if len(set(found.values())) <= 1:
        return None
    where = ", ".join(f"{subject} in {name or 'none'}" for subject, name in found.items())
    return Obstacle(
        f"one stream must capture both input subjects, found {where}",
        "add the missing subject to that stream"
        if None in found.values()
        else "take it from the one stream and add it to the other",
    )


def _may_discard(config: StreamConfig) -> bool:
    if config.max_age:
        return True
    if config.max_msgs_per_subject > 0 and not (
        config.discard == DiscardPolicy.NEW and config.discard_new_per_subject
    ):
        return True  # "discard new" alone does not go for the limit of a subject
    limited = any(limit is not None and limit > 0 for limit in (config.max_msgs, config.max_bytes))
    return limited and config.discard == DiscardPolicy.OLD


def _renames(transform: SubjectTransform | None, subject: str) -> bool:
    """Whether what is published to ``subject`` is stored under another one."""
    if transform is None or not transform.dest:
        return False
    source = transform.src or ">"
    # "a.>" to "a.>" and the like change nothing.
    return source != transform.dest and covers(source, subject)


def _word(retention: str) -> str:
    return str(getattr(retention, "value", retention))


def _risks_of_memory(config: StreamConfig) -> Iterator[Risk]:
    if config.storage == StorageType.MEMORY:
        yield Risk(
            "stream.may_lose_messages",
            "it is kept in memory",
            "use file storage: memory does not survive a restart",
        )
