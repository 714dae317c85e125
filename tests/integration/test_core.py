"""Core NATS: at most once, and an answer for producers that ask for one."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from actors.rules.alarms import UserID
from tests.deployment import Deployment
from tests.patience import PATIENCE_S
from tests.probes import ANY_PORT, monitoring
from tests.servers import prepare_nats, prepare_nats_without_jetstream, running

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.servers import Server

EVENT = (
    b'{"AlarmID":"disk-full","UserID":"u","Status":"WARNING",'
    b'"ChangedAt":"2021-06-07T20:40:15.598765212Z"}'
)
DIGEST = (
    b'{"UserID":"u","ActiveAlarms":[{"AlarmID":"disk-full","Status":"WARNING",'
    b'"LatestChangedAt":"2021-06-07T20:40:15.598765212Z"}]}'
)


@pytest.fixture
def plain_nats(tmp_path: Path) -> Iterator[Server]:
    """A NATS server that has JetStream off."""
    with running(prepare_nats_without_jetstream(tmp_path)) as server:
        yield server


@pytest.fixture
def plain(plain_nats: Server, mongodb_uri: str, tmp_path: Path) -> Iterator[Deployment]:
    """A deployment on it."""
    deployment = Deployment(plain_nats.url, mongodb_uri, tmp_path)
    yield deployment
    deployment.end()


async def test_an_event_is_answered_once_it_is_checkpointed(deployment: Deployment) -> None:
    """``+OK`` means that the state is in MongoDB: killed then and there, it is not lost."""
    names = deployment.names
    service = deployment.start(DELIVERY="core")
    async with deployment.broker() as broker:
        answer = await broker.client.request(names.events, EVENT, timeout=PATIENCE_S)
        service.kill()
        assert answer.data == b"+OK"
        stored = deployment.checkpoints([UserID("u")])[UserID("u")]
        assert [alarm.changed_at_ns for alarm in stored.alarms.values()] == [1623098415598765212]
        deployment.start(DELIVERY="core")
        digests = await broker.client.subscribe(names.digests)
        assert (await broker.client.request(names.requests, b'{"UserID":"u"}')).data == b"+OK"
        digest = await digests.next_msg(timeout=PATIENCE_S)
    assert digest.data == DIGEST
    assert digest.headers is not None
    assert digest.headers["Nats-Msg-Id"]


async def test_bad_input_is_answered_with_the_reason_and_becomes_a_dead_letter(
    deployment: Deployment,
) -> None:
    """``-ERR`` and what is wrong; the body goes on unchanged, and the service too."""
    names = deployment.names
    deployment.start(DELIVERY="core")
    async with deployment.broker() as broker:
        dead_letters = await broker.client.subscribe(names.dead_letters)
        for subject, body, reason in [
            (names.events, b"\xff no JSON", "not JSON"),
            (names.events, EVENT.replace(b"WARNING", b"FATAL"), "Status is not one of"),
            (names.requests, b'{"UserID":""}', "UserID is empty"),
        ]:
            answer = await broker.client.request(subject, body, timeout=PATIENCE_S)
            assert answer.data.startswith(b"-ERR ")
            assert reason in answer.data.decode()
            letter = await dead_letters.next_msg(timeout=PATIENCE_S)
            assert letter.data == body
            assert letter.headers is not None
            assert reason in letter.headers["Dead-Letter-Reason"]
            assert letter.headers["Dead-Letter-Subject"] == subject
            assert letter.headers["Dead-Letter-Sequence"] == "0"
            assert letter.headers["Dead-Letter-Time"]
        assert (await broker.client.request(names.events, EVENT, timeout=PATIENCE_S)).data == b"+OK"


async def test_events_published_before_the_request_are_in_the_digest(
    deployment: Deployment,
) -> None:
    """Nobody asks for answers, two subscriptions, one order."""
    names = deployment.names
    deployment.start(DELIVERY="core")
    async with deployment.broker() as broker:
        digests = await broker.client.subscribe(names.digests)
        for number in range(200):
            alarm = f"alarm-{number}".encode()
            await broker.client.publish(names.events, EVENT.replace(b"disk-full", alarm))
        await broker.client.publish(names.requests, b'{"UserID":"u"}')
        digest = json.loads((await digests.next_msg(timeout=PATIENCE_S)).data)
    assert len(digest["ActiveAlarms"]) == 200


async def test_two_services_share_the_work_as_a_queue(deployment: Deployment) -> None:
    """Each message is handled by one of them: a request brings one digest."""
    names = deployment.names
    for _ in range(2):
        deployment.start(DELIVERY="core", CHECKPOINT_INTERVAL=0.01)
    async with deployment.broker() as broker:
        digests = await broker.client.subscribe(names.digests)
        for number in range(20):
            user = f"u{number}".encode()
            event = EVENT.replace(b'"u"', b'"' + user + b'"')
            assert (await broker.client.request(names.events, event)).data == b"+OK"
            await broker.client.request(names.requests, b'{"UserID":"%s"}' % user)
        told = [json.loads((await digests.next_msg(timeout=PATIENCE_S)).data) for _ in range(20)]
        assert digests.pending_msgs == 0
    assert {digest["UserID"] for digest in told} == {f"u{number}" for number in range(20)}
    assert all(len(digest["ActiveAlarms"]) == 1 for digest in told)


async def test_auto_falls_back_to_core_with_a_warning(plain: Deployment) -> None:
    """A server without JetStream is used as it is, and the operator told what that costs."""
    service = plain.start()
    warning = service.events("bus.without_jetstream")
    assert [event["level"] for event in warning] == ["warning"]
    assert "at most once" in warning[0]["mend"]
    async with plain.broker() as broker:
        digests = await broker.client.subscribe(plain.names.digests)
        assert (await broker.client.request(plain.names.events, EVENT)).data == b"+OK"
        await broker.client.publish(plain.names.requests, b'{"UserID":"u"}')
        assert (await digests.next_msg(timeout=PATIENCE_S)).data == DIGEST
    assert service.terminate() == 0


def test_jetstream_asked_for_and_not_there_is_a_wrong_setting(plain: Deployment) -> None:
    """Exit status 2, naming the setting."""
    service = plain.launch(DELIVERY="jetstream")
    assert service.wait() == 2
    assert service.output().splitlines()[-1].startswith("main.py: DELIVERY:")


ACCOUNTS = """
accounts {
    WITH: { jetstream: enabled, users: [ { user: with, password: secret } ] }
    WITHOUT: { users: [ { user: without, password: secret } ] }
}
"""


def test_an_account_without_jetstream_is_told_apart_from_a_server_without(
    deployment: Deployment, tmp_path: Path
) -> None:
    """By auto with a warning, where JetStream is asked for by status 2; both name the mend."""
    with running(prepare_nats(tmp_path, ACCOUNTS)) as server:
        settings = {"NATS_URL": server.url, "NATS_USER": "without", "NATS_PASSWORD": "secret"}
        service = deployment.start(**settings)
        (warning,) = service.events("bus.without_jetstream")
        assert warning["reason"] == "our account has no JetStream, the server has"
        assert service.terminate() == 0
        ended = deployment.command(DELIVERY="jetstream", **settings)
    assert ended.status == 2
    assert "DELIVERY: jetstream is asked for, our account has no JetStream" in ended.stderr


async def test_a_jetstream_that_is_there_later_is_gone_over_to(
    deployment: Deployment, tmp_path: Path
) -> None:
    """What it captures is for those who read it; noticed at the reconnect, for a restart to use it.

    The service took no notice, and answered beside an instance that was started later.
    """
    with running(prepare_nats(tmp_path, ACCOUNTS)) as server:
        deployment.nats_url = server.url.replace("://", "://without:secret@")
        first = deployment.start()
        async with deployment.broker() as broker:
            await broker.client.request(deployment.names.events, EVENT, timeout=PATIENCE_S)
        server.child.stop()
        given = ACCOUNTS.replace("WITHOUT: {", "WITHOUT: { jetstream: enabled,")
        (tmp_path / "nats.conf").write_text(given)
        server.child.start()
        assert first.wait() == 1
        assert "there is a JetStream by now" in first.events("service.failed")[0]["reason"]
        deployment.start()
        async with deployment.broker() as broker:
            await broker.request("u")
            digest = await broker.next_digest_message()
        deployment.end()
    assert digest.data == DIGEST


@pytest.mark.parametrize(("first", "second"), [("core", "auto"), ("auto", "core")])
async def test_two_ways_at_once_are_never_taken(
    deployment: Deployment, first: str, second: str
) -> None:
    """Each would answer every request; who comes second waits, and readiness says for what."""
    serves = deployment.start(DELIVERY=first)
    waits = deployment.launch(DELIVERY=second, HTTP_ADDRESS=ANY_PORT)
    waits.wait_for("bus.waits_for_others", count=2)
    async with monitoring(waits) as probes:
        status, checks = await probes.probe("/readyz")
    assert status == 503
    assert "both would answer a request" in checks["delivery"]
    assert waits.events("service.ready") == []
    assert serves.terminate() == 0
    waits.wait_for("service.ready")


def test_a_second_instance_on_core_nats_is_warned_about(deployment: Deployment) -> None:
    """Several keep no order there."""
    deployment.start(DELIVERY="core")
    second = deployment.start(DELIVERY="core")
    (warning,) = second.events("bus.not_alone")
    assert warning["others"] == 1


async def test_a_server_that_comes_back_without_jetstream_is_served_on(
    plain: Deployment, plain_nats: Server
) -> None:
    """Nothing is taken until it is known that there is still none, which is known at once."""
    service = plain.start()
    plain_nats.child.stop()
    service.wait_for("nats.disconnected")
    plain_nats.child.start()
    service.wait_for("nats.reconnected")
    async with plain.broker() as broker:
        answer = await broker.client.request(plain.names.events, EVENT, timeout=PATIENCE_S)
    assert answer.data == b"+OK"
    assert service.terminate() == 0
