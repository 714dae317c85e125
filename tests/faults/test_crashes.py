"""The service is killed or stands still between any two steps of a digest's way."""

from __future__ import annotations

import json
import signal
from typing import TYPE_CHECKING

import pytest
from nats.js.api import RetentionPolicy

from actors.ports import CheckpointUpdate, SaveOutcome
from actors.rules.alarms import Alarm, AlarmID, Severity, UserID
from actors.rules.digest import Cursor, Digest, DigestID, DigestItem, RequestID
from bus.wire.instants import parse_instant
from tests.servers import paused

if TYPE_CHECKING:
    from nats.aio.msg import Msg

    from actors.ports import Checkpoint
    from tests.broker import Broker
    from tests.deployment import Deployment
    from tests.servers import Server

USER = UserID("u")
AT = "2021-06-07T20:40:15.598765212Z"
DIGEST = (
    b'{"UserID":"u","ActiveAlarms":[{"AlarmID":"disk-full","Status":"CRITICAL",'
    b'"LatestChangedAt":"2021-06-07T20:40:15.598765212Z"}]}'
)


def message_id(message: Msg) -> str:
    """Return the id by which the stream recognises a repeat."""
    return (message.headers or {})["Nats-Msg-Id"]


async def request_id(broker: Broker, sequence: int) -> RequestID:
    """Return the id by which the service recognises a request: its place and its time."""
    answer = await broker.client.request(
        f"$JS.API.STREAM.MSG.GET.{broker.names.input_stream}",
        json.dumps({"seq": sequence}).encode(),
    )
    stored_at_ns = parse_instant(json.loads(answer.data)["message"]["time"])
    return RequestID(f"{sequence}.{stored_at_ns}")


def stored(deployment: Deployment) -> Checkpoint:
    """Return the user's checkpoint."""
    return deployment.checkpoints([USER])[USER]


async def only_digest(broker: Broker) -> Msg:
    """Return the digest, failing unless it is the only one and everything is settled."""
    await broker.settled()
    assert await broker.left() == 0
    (digest,) = await broker.digests()
    return digest


async def test_a_digest_owed_since_a_crash_is_published_once_under_its_id(
    deployment: Deployment,
) -> None:
    """The checkpoint holds the outbox, the stream still holds the request it answers."""
    at_ns = parse_instant(AT)
    digest = Digest(
        DigestID("owed"), USER, (DigestItem(AlarmID("disk-full"), Severity.CRITICAL, at_ns),)
    )
    told = Alarm(Severity.CRITICAL, at_ns, Severity.CRITICAL, at_ns, news=False, heard_at_s=0)
    async with deployment.broker() as broker:
        await broker.create_input_stream(retention=RetentionPolicy.WORK_QUEUE)
        answered = await request_id(broker, await broker.request("u"))
        update = CheckpointUpdate(
            USER, 0, {AlarmID("disk-full"): told}, Cursor(1, (answered,), digest)
        )
        with deployment.store() as store:
            store.open()
            assert store.save([update]) == [SaveOutcome.SAVED]
        service = deployment.start()
        published = await only_digest(broker)
        assert published.data == DIGEST
        assert message_id(published) == "owed"
        assert service.terminate() == 0
    assert stored(deployment).cursor == Cursor(1, (answered,), None)


async def test_killed_between_checkpoint_and_publication_the_digest_comes_once(
    deployment: Deployment,
) -> None:
    """Here the stream does not take the digest until the service is dead; the next publishes it."""
    service = deployment.start(ACK_WAIT=3)
    async with deployment.broker() as broker:
        await broker.event("u", "disk-full", at=AT)
        await broker.settled()
        await broker.take_digests(wanted=False)
        await broker.request("u")
        service.wait_for("publish.retried")
        service.kill()
        await broker.take_digests(wanted=True)
        owed = stored(deployment).cursor.outbox
        assert owed is not None
        deployment.start()
        published = await only_digest(broker)
    assert published.data == DIGEST
    assert message_id(published) == owed.digest_id
    assert stored(deployment).cursor.outbox is None


async def test_killed_between_publication_and_acknowledgement_nothing_is_repeated(
    deployment: Deployment, mongodb: Server
) -> None:
    """MongoDB stands still, so that the digest is out and neither settled nor acknowledged."""
    service = deployment.start(ACK_WAIT=3)
    async with deployment.broker() as broker:
        await broker.event("u", "disk-full", at=AT)
        await broker.settled()
        await broker.take_digests(wanted=False)
        await broker.request("u")
        service.wait_for("publish.retried")
        with paused(mongodb):
            await broker.take_digests(wanted=True)
            first = await broker.next_digest_message()
            service.kill()
        owed = stored(deployment).cursor.outbox
        assert owed is not None
        again = deployment.start(LOG_LEVEL="debug")
        published = await only_digest(broker)
    assert published.data == first.data == DIGEST
    assert message_id(published) == message_id(first) == owed.digest_id
    # It was published again, and the stream dropped the repeat.
    assert again.events("digest.published")
    assert again.events("request.redelivered")


async def test_a_request_that_comes_again_long_after_its_answer_makes_no_digest(
    deployment: Deployment,
) -> None:
    """The cursor remembers what it answered, over a restart too."""
    async with deployment.broker() as broker:
        await broker.create_input_stream()
        service = deployment.start()
        await broker.event("u", "disk-full", at=AT)
        await broker.request("u")
        await broker.settled()
        assert service.terminate() == 0
        # A consumer made anew delivers everything that a stream with limits still holds.
        await broker.js.delete_consumer(deployment.names.input_stream, deployment.names.consumer)
        again = deployment.start()
        await broker.settled()
        (digest,) = await broker.digests()
    assert digest.data == DIGEST
    assert again.events("request.redelivered")


@pytest.mark.parametrize("rival", [False, True])
async def test_a_service_that_stood_still_with_a_request_in_hand_tells_it_once(
    deployment: Deployment, mongodb: Server, *, rival: bool
) -> None:
    """It wakes after ACK_WAIT: the request came again, to itself or to another that answered it."""
    sleeper = deployment.start(ACK_WAIT=3)
    async with deployment.broker() as broker:
        await broker.event("u", "disk-full", at=AT)
        await broker.settled()
        with paused(mongodb):
            await broker.request("u")
            await broker.delivered(1)
            sleeper.signal(signal.SIGSTOP)
        if rival:
            deployment.start()
        try:
            if rival:
                await broker.settled()
            else:
                await broker.redelivered()
        finally:
            sleeper.signal(signal.SIGCONT)
        digest = await only_digest(broker)
        assert digest.data == DIGEST
        await broker.request("u")
        await broker.settled()
        first, second = await broker.digests()
    assert first.data == DIGEST
    assert second.data == b'{"UserID":"u","ActiveAlarms":[]}'
    assert sleeper.terminate() == 0
