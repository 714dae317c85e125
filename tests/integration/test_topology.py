"""Streams and consumers that are there already are used as they are, and warned about."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from nats.js.api import (
    AckPolicy,
    ConsumerConfig,
    DiscardPolicy,
    RetentionPolicy,
    StorageType,
)

if TYPE_CHECKING:
    from tests.broker import Broker
    from tests.deployment import Deployment


async def serves(broker: Broker) -> bool:
    """Whether an event comes back in a digest."""
    await broker.event("u", "disk-full")
    await broker.request("u")
    digest = await broker.next_digest()
    await broker.settled()
    return len(digest["ActiveAlarms"]) == 1


@pytest.mark.parametrize(
    ("options", "mend"),
    [
        ({"max_msgs": 1000, "discard": DiscardPolicy.OLD}, "unread messages vanish"),
        ({"max_bytes": 1_000_000, "discard": DiscardPolicy.OLD}, "unread messages vanish"),
        ({"max_age": 3600}, "unread messages vanish"),
        ({"retention": RetentionPolicy.INTEREST}, "interest keeps nothing"),
        ({"storage": StorageType.MEMORY}, "memory does not survive"),
    ],
    ids=["max_msgs", "max_bytes", "max_age", "interest", "memory"],
)
async def test_a_stream_that_may_lose_messages_is_used_and_warned_about(
    deployment: Deployment, options: dict[str, Any], mend: str
) -> None:
    """It is the operator's; what it would cost stands in the log, and how to mend it."""
    async with deployment.broker() as broker:
        await broker.create_input_stream(**options)
        before = (await broker.js.stream_info(deployment.names.input_stream)).config
        service = deployment.start()
        (warning,) = service.events("stream.may_lose_messages")
        assert warning["level"] == "warning"
        assert warning["stream"] == deployment.names.input_stream
        assert mend in warning["mend"]
        assert await serves(broker)
        after = (await broker.js.stream_info(deployment.names.input_stream)).config
    assert after == before


@pytest.mark.parametrize(
    "options",
    [{}, {"retention": RetentionPolicy.WORK_QUEUE}, {"max_msgs": 9, "discard": DiscardPolicy.NEW}],
    ids=["limits", "workqueue", "discard new"],
)
async def test_a_sound_stream_is_not_warned_about(
    deployment: Deployment, options: dict[str, Any]
) -> None:
    """A warning that is always there is read by nobody."""
    async with deployment.broker() as broker:
        await broker.create_input_stream(**options)
        service = deployment.start()
        assert await serves(broker)
    assert [event for event in service.events() if event["level"] != "info"] == []


async def test_a_consumer_with_max_deliver_is_used_and_warned_about(
    deployment: Deployment,
) -> None:
    """A message that reaches it is never delivered again."""
    names = deployment.names
    config = ConsumerConfig(
        durable_name=names.consumer, ack_policy=AckPolicy.EXPLICIT, max_deliver=3, ack_wait=2
    )
    async with deployment.broker() as broker:
        await broker.create_input_stream()
        await broker.js.add_consumer(names.input_stream, config)
        service = deployment.start()
        assert await serves(broker)
        info = await broker.js.consumer_info(names.input_stream, names.consumer)
    assert info.config.max_deliver == 3
    (warning,) = service.events("consumer.may_lose_messages")
    assert "set max_deliver to -1" in warning["mend"]
    (early,) = service.events("consumer.redelivers_early")
    assert "ack_wait" in early["mend"]


@pytest.mark.parametrize(
    ("config", "mend"),
    [
        (ConsumerConfig(deliver_subject="somewhere"), "push based"),
        (ConsumerConfig(ack_policy=AckPolicy.ALL), "does not acknowledge explicitly"),
    ],
    ids=["push", "ack all"],
)
async def test_a_consumer_that_cannot_serve_is_a_wrong_setting(
    deployment: Deployment, config: ConsumerConfig, mend: str
) -> None:
    """Status 2 and the mend: a restart does not cure it."""
    async with deployment.broker() as broker:
        await broker.create_input_stream()
        durable = ConsumerConfig(**{**config.__dict__, "durable_name": deployment.names.consumer})
        await broker.js.add_consumer(deployment.names.input_stream, durable)
    service = deployment.launch()
    assert service.wait() == 2
    line = service.output().splitlines()[-1]
    assert line.startswith("main.py: QUEUE_GROUP:")
    assert mend in line


async def test_a_stream_with_one_of_the_input_subjects_is_a_wrong_setting(
    deployment: Deployment,
) -> None:
    """The order of events and requests is that of one stream."""
    async with deployment.broker() as broker:
        await broker.js.add_stream(name=deployment.names.input_stream, subjects=["Only.>"])
        await broker.js.update_stream(
            name=deployment.names.input_stream, subjects=[deployment.names.events]
        )
    service = deployment.launch()
    assert service.wait() == 2
    line = service.output().splitlines()[-1]
    assert line.startswith("main.py: INPUT_STREAM:")
    assert deployment.names.requests in line


async def test_what_else_a_stream_captures_is_left_alone(deployment: Deployment) -> None:
    """Neither a dead letter nor in the way."""
    names = deployment.names
    other = f"Other-{names.suffix}"
    async with deployment.broker() as broker:
        subjects = [names.events, names.requests, other]
        await broker.js.add_stream(name=names.input_stream, subjects=subjects)
        await broker.put(other, b"not ours")
        service = deployment.start()
        await broker.put(other, b"not ours either")
        assert await serves(broker)
    assert service.events("message.dead_lettered") == []


@pytest.mark.needs_nats_2_10
async def test_what_else_a_stream_captures_is_not_even_delivered(deployment: Deployment) -> None:
    """A consumer with two filters came with nats-server 2.10."""
    names = deployment.names
    async with deployment.broker() as broker:
        subjects = [names.events, names.requests, f"Other-{names.suffix}"]
        await broker.js.add_stream(name=names.input_stream, subjects=subjects)
        deployment.start()
        info = await broker.js.consumer_info(names.input_stream, names.consumer)
    assert info.config.filter_subjects == [names.events, names.requests]


async def test_what_the_service_creates_keeps_the_promises(deployment: Deployment) -> None:
    """Nothing unread is discarded, nothing given up, repeats are dropped."""
    names = deployment.names
    service = deployment.start(ACK_WAIT=7, DUPLICATE_WINDOW=60)
    async with deployment.broker() as broker:
        stream = (await broker.js.stream_info(names.input_stream)).config
        digests = (await broker.js.stream_info(names.digest_stream)).config
        consumer = (await broker.js.consumer_info(names.input_stream, names.consumer)).config
    assert sorted(stream.subjects or []) == sorted([names.events, names.requests])
    assert stream.retention == RetentionPolicy.WORK_QUEUE
    assert stream.storage == StorageType.FILE
    assert stream.discard == DiscardPolicy.NEW
    assert digests.duplicate_window == 60
    assert consumer.max_deliver == -1
    assert consumer.ack_policy == AckPolicy.EXPLICIT
    assert consumer.ack_wait == 7
    assert service.terminate() == 0
    again = deployment.start(ACK_WAIT=7, DUPLICATE_WINDOW=60)
    assert again.events("stream.created") == again.events("consumer.created") == []
