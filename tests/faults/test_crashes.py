"""The service is killed or stands still between any two steps of a digest's way."""

from __future__ import annotations

import asyncio
import json
import signal
from typing import TYPE_CHECKING

import pytest

from actors.ports import CheckpointUpdate, SaveOutcome
from actors.rules.alarms import Alarm, AlarmID, Severity, UserID
from actors.rules.digest import Cursor, Digest, DigestID, DigestItem
from actors.rules.positions import Place
from bus.wire.instants import parse_instant
from tests.proxy import FaultProxy
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


async def place_of(broker: Broker, sequence: int) -> Place:
    """Return by what the service recognises a request: its place in the log."""
    answer = await broker.client.request(
        f"$JS.API.STREAM.MSG.GET.{broker.names.input_stream}",
        json.dumps({"seq": sequence}).encode(),
    )
    return Place(sequence, parse_instant(json.loads(answer.data)["message"]["time"]))


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
        await broker.create_input_stream()
        answered = await place_of(broker, await broker.request("u"))
        cursor = Cursor(1, answered, (digest,))
        update = CheckpointUpdate(USER, 0, {AlarmID("disk-full"): told}, cursor)
        with deployment.store() as store:
            store.open()
            assert store.save([update]) == [SaveOutcome.SAVED]
        service = deployment.start()
        published = await only_digest(broker)
        assert published.data == DIGEST
        assert message_id(published) == "owed"
        assert service.terminate() == 0
    assert stored(deployment).cursor == Cursor(1, answered)


async def test_killed_between_checkpoint_and_publication_the_digest_comes_once(
    deployment: Deployment,
) -> None:
    """Here the stream does not take the digest until the service is dead; the next publishes it."""
    service = deployment.start()
    async with deployment.broker() as broker:
        await broker.event("u", "disk-full", at=AT)
        await broker.settled()
        await broker.take_digests(wanted=False)
        await broker.request("u")
        service.wait_for("publish.retried")
        service.kill()
        await broker.take_digests(wanted=True)
        [owed] = stored(deployment).cursor.outbox
        deployment.start()
        published = await only_digest(broker)
    assert published.data == DIGEST
    assert message_id(published) == owed.digest_id
    assert stored(deployment).cursor.outbox == ()


async def test_killed_between_publication_and_the_save_that_clears_it_nothing_is_repeated(
    deployment: Deployment, mongodb: Server
) -> None:
    """Nothing gets through to MongoDB: the digest is out and its request not settled.

    Not paused: what was sent before the kill would wait for it in its socket.
    """
    proxy = FaultProxy(int(mongodb.url.rpartition(":")[2]))
    uri = f"mongodb://127.0.0.1:{await proxy.open()}/?directConnection=true"
    # Without MongoDB it publishes for two thirds of a lease: longer than this takes anywhere.
    service = await asyncio.to_thread(deployment.start, LEASE=60, MONGODB_URI=uri)
    async with deployment.broker() as broker:
        await broker.event("u", "disk-full", at=AT)
        await broker.settled()
        await broker.take_digests(wanted=False)
        await broker.request("u")
        await asyncio.to_thread(service.wait_for, "publish.retried")
        proxy.stall()
        await broker.take_digests(wanted=True)
        first = await broker.next_digest_message()
        service.kill()
        await proxy.close()
        [owed] = stored(deployment).cursor.outbox
        again = deployment.start()
        published = await only_digest(broker)
    assert published.data == first.data == DIGEST
    assert message_id(published) == message_id(first) == owed.digest_id
    # It was published again, and the stream dropped the repeat.
    assert again.events("digest.published")


async def test_a_request_that_is_read_again_long_after_its_answer_makes_no_digest(
    deployment: Deployment,
) -> None:
    """The cursor remembers what it answered, over a restart too; all is read anew."""
    async with deployment.broker() as broker:
        service = deployment.start()
        await broker.event("u", "disk-full", at=AT)
        await broker.request("u")
        await broker.settled()
        assert service.terminate() == 0
        with deployment.collection("partitions") as partitions:
            begin = {"sequence": 0, "timestamp": 0, "log": ""}
            partitions.update_many({}, {"$set": {"position": begin}})
        deployment.start()
        await broker.settled()
        (digest,) = await broker.digests()
    assert digest.data == DIGEST


@pytest.mark.parametrize("rival", [False, True])
async def test_a_service_that_stood_still_with_a_request_in_hand_tells_it_once(
    deployment: Deployment, mongodb: Server, *, rival: bool
) -> None:
    """It wakes beyond its LEASE: nobody was there meanwhile, or another one, that answered."""
    sleeper = deployment.start()
    async with deployment.broker() as broker:
        await broker.event("u", "disk-full", at=AT)
        await broker.settled()
        with paused(mongodb):
            await broker.request("u")
            # By then it has read the request, and waits for MongoDB.
            sleeper.wait_for("home.unanswered")
            sleeper.signal(signal.SIGSTOP)
        try:
            other = deployment.start() if rival else deployment.launch()
            if rival:
                await broker.settled()
            else:
                other.kill()
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
