"""Streams that are deleted while the service runs, by an operator's slip."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bus.inbound.jetstream import parse_ack_subject
from tests.servers import paused

if TYPE_CHECKING:
    from nats.aio.msg import Msg

    from tests.deployment import Deployment
    from tests.servers import Server


def told(digest: dict[str, list[dict[str, str]]]) -> list[str]:
    """Return the ids of the alarms in a digest."""
    return [alarm["AlarmID"] for alarm in digest["ActiveAlarms"]]


async def test_an_input_stream_that_is_deleted_is_made_again(deployment: Deployment) -> None:
    """Until then a plain publication is kept nowhere; the service must not wait for a restart."""
    names = deployment.names
    service = deployment.start()
    async with deployment.broker() as broker:
        await broker.event("u", "before")
        await broker.settled()
        await broker.js.delete_stream(names.input_stream)
        service.wait_for("consumer.created", count=2)
        await broker.event("u", "after", at="2021-06-08T00:00:00Z")
        await broker.request("u")
        assert told(await broker.next_digest()) == ["before", "after"]
        await broker.settled()
    assert service.events("stream.missing")
    assert service.alarming() == []
    assert service.terminate() == 0


async def test_a_digest_stream_that_is_deleted_is_made_again(deployment: Deployment) -> None:
    """The digest that found none is published into the new one."""
    names = deployment.names
    service = deployment.start()
    async with deployment.broker() as broker:
        await broker.event("u", "disk-full")
        await broker.settled()
        await broker.js.delete_stream(names.digest_stream)
        await broker.request("u")
        service.wait_for("stream.created", count=4)
        assert told(await broker.next_digest()) == ["disk-full"]
        await broker.settled()
        assert len(await broker.digests()) == 1
    assert service.events("stream.missing")
    assert service.terminate() == 0


async def test_a_message_of_a_deleted_stream_is_not_acknowledged_in_its_successor(
    deployment: Deployment, mongodb: Server
) -> None:
    """Its sequence is another message's there, which would be gone before a checkpoint holds it."""
    names = deployment.names
    service = deployment.start()
    acknowledged: list[str] = []

    async def note(msg: Msg) -> None:
        acknowledged.append(parse_ack_subject(msg.subject)[0])

    async with deployment.broker() as broker:
        await broker.client.subscribe(f"$JS.ACK.{names.input_stream}.>", cb=note)
        with paused(mongodb):
            await broker.event("u", "in-hand")
            await broker.delivered(1)
            await broker.js.delete_stream(names.input_stream)
            service.wait_for("consumer.created", count=2)
            await broker.event("v", "in-the-new-stream")
            await broker.delivered(1)
        await broker.settled()
        await broker.request("u")
        assert told(await broker.next_digest()) == ["in-hand"]
        await broker.settled()
        assert service.terminate() == 0
        await broker.client.flush()
    identities = set(acknowledged)
    assert len(identities) == 2  # v's event and the request, and not u's event
