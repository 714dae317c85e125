"""Streams that are deleted while the service runs, by an operator's slip."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.deployment import Deployment


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
        service.wait_for("stream.created", count=4)
        await broker.event("u", "after", at="2021-06-08T00:00:00Z")
        await broker.request("u")
        assert told(await broker.next_digest()) == ["before", "after"]
        await broker.settled()
    assert service.events("stream.missing")
    assert service.alarming() == ["log.not_the_same"]
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


async def test_it_is_made_again_too_where_somebody_listens_to_its_subject(
    deployment: Deployment,
) -> None:
    """Then no server says that no stream captured the digest: there is no answer at all."""
    names = deployment.names
    service = deployment.start()
    async with deployment.broker() as broker:
        await broker.event("u", "disk-full")
        await broker.settled()
        await broker.client.subscribe(names.digests)
        await broker.client.flush()
        await broker.js.delete_stream(names.digest_stream)
        await broker.request("u")
        service.wait_for("stream.created", count=4)
        assert told(await broker.next_digest()) == ["disk-full"]
        await broker.settled()
    assert service.terminate() == 0


async def test_what_a_stream_does_not_take_for_its_size_is_published_once_it_does(
    deployment: Deployment,
) -> None:
    """An operator mends the limit while the service runs; it need not be restarted for it."""
    service = deployment.start()
    async with deployment.broker() as broker:
        await broker.take_digests(wanted=False)
        await broker.event("u", "disk-full")
        await broker.request("u")
        service.wait_for("publish.retried", count=3)  # the limit is known by then
        await broker.take_digests(wanted=True)
        assert told(await broker.next_digest()) == ["disk-full"]
        await broker.settled()
    assert service.terminate() == 0
