"""Settings of streams and consumers that would break a promise, each with its mend. Pure.

Configurations are compared by value: nats-py leaves what the server says as plain strings.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from nats.js.api import DiscardPolicy, RetentionPolicy, StorageType

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nats.js.api import ConsumerConfig, StreamConfig


_ROOMY_BYTES = 1024 * 1024
"""What a server takes unless it is told otherwise."""


class Risk(NamedTuple):
    """What may happen, and how to mend it."""

    event: str
    """The name it has in the log."""
    what: str
    mend: str


def risks_of_input_stream(config: StreamConfig) -> Iterator[Risk]:
    """Yield what may lose messages that were not read yet."""
    event = "stream.may_lose_messages"
    limits = [config.max_age, config.max_msgs, config.max_bytes, config.max_msgs_per_subject]
    limited = any(limit is not None and limit > 0 for limit in limits)
    if config.max_age or (limited and config.discard == DiscardPolicy.OLD):
        yield Risk(
            event,
            "unread messages vanish when it reaches a limit",
            "lift its limits, or set discard new: unread messages vanish at a limit",
        )
    if config.retention == RetentionPolicy.INTEREST:
        yield Risk(
            event,
            "it keeps nothing while the consumer does not exist",
            "use limits or workqueue retention: interest keeps nothing while the consumer does "
            "not exist",
        )
    yield from _risks_of_memory(config)


def risks_of_output_stream(config: StreamConfig) -> Iterator[Risk]:
    """Yield what may tell a digest twice, or lose it."""
    if not config.duplicate_window:
        yield Risk(
            "stream.does_not_deduplicate",
            "a digest that is published again after a crash is told twice",
            "set a duplicate window of two minutes or more",
        )
    if config.max_msg_size is not None and 0 < config.max_msg_size < _ROOMY_BYTES:
        yield Risk(
            "stream.limits_message_size",
            f"it takes messages of {config.max_msg_size} bytes at the most: digests come in parts, "
            "dead letters are cut",
            "set max_msg_size to -1: the account's max_payload is limit enough",
        )
    yield from _risks_of_memory(config)


def risks_of_consumer(config: ConsumerConfig) -> Iterator[Risk]:
    """Yield what may lose messages, or deliver them over and over."""
    if config.max_deliver is not None and config.max_deliver > 0:
        yield Risk(
            "consumer.may_lose_messages",
            f"a message is given up after {config.max_deliver} deliveries",
            "set max_deliver to -1: a message that reaches it is never delivered again",
        )
    if config.ack_wait is not None and config.ack_wait < 3:
        yield Risk(
            "consumer.redelivers_early",
            f"messages are delivered again after {config.ack_wait:g} s",
            "set ack_wait to a minute",
        )


def _risks_of_memory(config: StreamConfig) -> Iterator[Risk]:
    if config.storage == StorageType.MEMORY:
        yield Risk(
            "stream.may_lose_messages",
            "it is kept in memory",
            "use file storage: memory does not survive a restart",
        )
