"""What an account may publish and subscribe to, and a stream takes, where that is little."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from bus.outbound.message import headers_size
from tests.access import guarded, refused, serves
from tests.deployment import Deployment
from tests.servers import prepare_nats, running

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from nats.aio.msg import Msg

    from tests.broker import Broker

ACCOUNT_MAX_PAYLOAD = 32 * 1024
STREAM_MAX_MSG_SIZE = 8192

ACCOUNTS = f"""
accounts {{
  A {{
    users: [{{ user: "u", password: "p" }}]
    jetstream: enabled
    limits {{ max_payload: {ACCOUNT_MAX_PAYLOAD} }}
  }}
}}
"""


@pytest.fixture
def limited(tmp_path: Path, mongodb_uri: str) -> Iterator[Deployment]:
    """A deployment whose account may publish less than the server takes."""
    server = prepare_nats(tmp_path / "nats", ACCOUNTS)
    with running(server):
        url = server.url.replace("nats://", "nats://u:p@")
        deployment = Deployment(url, mongodb_uri, tmp_path)
        yield deployment
        deployment.end()


def sizes(messages: Sequence[Msg]) -> list[int]:
    """Return the bytes that the server counts."""
    return [len(message.data) + headers_size(message.headers or {}) for message in messages]


async def told(broker: Broker, alarms: int) -> list[Msg]:
    """Have one user raise so many alarms, ask once; return the digests."""
    names = [f"{number:04}-{'x' * 100}" for number in range(alarms)]
    await broker.put_many(
        (
            broker.names.events,
            json.dumps(
                {
                    "AlarmID": name,
                    "UserID": "u",
                    "Status": "WARNING",
                    "ChangedAt": "2021-06-07T20:40:15Z",
                }
            ).encode(),
        )
        for name in names
    )
    await broker.request("u")
    await broker.settled()
    digests = await broker.digests()
    items = [item for digest in digests for item in json.loads(digest.data)["ActiveAlarms"]]
    assert [item["AlarmID"] for item in items] == names
    return digests


@pytest.mark.needs_nats_2_10
async def test_the_accounts_limit_splits_digests_and_cuts_dead_letters(limited: Deployment) -> None:
    """The server's own is larger; whoever exceeds the account's is disconnected for good."""
    service = limited.start(MAX_BODY_BYTES=1000)
    body = b"\xff" * ACCOUNT_MAX_PAYLOAD
    async with limited.broker() as broker:
        digests = await told(broker, 600)
        await broker.client.publish(limited.names.events, body)
        letter = await broker.next_dead_letter()
        await broker.settled()
    assert len(digests) == 600 * 190 // ACCOUNT_MAX_PAYLOAD + 1
    assert max(sizes(digests)) <= ACCOUNT_MAX_PAYLOAD
    assert (letter.headers or {})["Dead-Letter-Cut"] == str(len(body))
    assert sizes([letter]) == [ACCOUNT_MAX_PAYLOAD]
    assert service.events("nats.disconnected") == []
    assert service.events("publish.retried") == []
    assert service.terminate() == 0


async def test_a_streams_limit_splits_digests(deployment: Deployment) -> None:
    """Refused messages were retried for ever, and plain subscribers saw a copy of each attempt."""
    async with deployment.broker() as broker:
        js = broker.client.jetstream()
        await js.add_stream(
            name=deployment.names.digest_stream,
            subjects=[deployment.names.digests],
            max_msg_size=STREAM_MAX_MSG_SIZE,
        )
        heard: list[Msg] = []

        async def hear(message: Msg) -> None:
            heard.append(message)

        await broker.client.subscribe(deployment.names.digests, cb=hear)
        service = deployment.start()
        digests = await told(broker, 200)
        await broker.client.flush()
    assert max(sizes(digests)) <= STREAM_MAX_MSG_SIZE
    assert [message.data for message in heard] == [digest.data for digest in digests]
    [warning] = service.events("stream.limits_message_size")
    assert "max_msg_size" in warning["mend"]
    assert service.events("publish.retried") == []
    found = deployment.command("doctor")
    assert f"messages of {STREAM_MAX_MSG_SIZE} bytes at the most" in " ".join(found.text.split())


async def test_a_streams_limit_that_is_lowered_later_is_found_out(deployment: Deployment) -> None:
    """By the first refusal; what is tried again then fits."""
    service = deployment.start()
    async with deployment.broker() as broker:
        await broker.request("nobody")
        await broker.settled()
        js = broker.client.jetstream()
        config = (await js.stream_info(deployment.names.digest_stream)).config
        config.max_msg_size = STREAM_MAX_MSG_SIZE
        await js.update_stream(config)
        names = [f"{number:04}-{'x' * 100}" for number in range(200)]
        for name in names:
            await broker.event("u", name)
        await broker.request("u")
        await broker.settled()
        digests = await broker.digests()
    assert max(sizes(digests)) <= STREAM_MAX_MSG_SIZE
    items = [item for digest in digests for item in json.loads(digest.data)["ActiveAlarms"]]
    assert sorted(item["AlarmID"] for item in items) == names
    assert 1 <= len(service.events("publish.retried")) <= 3


@pytest.mark.parametrize("of", ["the server", "the account"])
def test_a_limit_of_subscriptions_costs_nats_micro_only(
    tmp_path: Path, mongodb_uri: str, of: str
) -> None:
    """The connection was closed for good at every start, and no line said how to mend it."""
    account = "accounts { A { users: [{ user: u, password: p }], jetstream: enabled\n %s } }"
    at_most = "max_subscriptions: 10"
    configuration = at_most if of == "the server" else account % f"limits {{ {at_most} }}"
    with guarded(tmp_path, mongodb_uri, configuration) as (server, deployment):
        if of == "the account":
            deployment.nats_url = server.url.replace("://", "://u:p@")
        assert serves(deployment)
        (service,) = deployment.processes[:1]
        [without] = service.events("micro.not_started")
        assert "raise max_subscriptions" in without["mend"]
        assert service.events("nats.disconnected") == []
        found = deployment.command("doctor", "--json").json["findings"]
    said = [one for one in found if "subscriptions" in one["says"]]
    assert len(said) == 1, found
    [note] = said
    assert "does without NATS micro" in note["says"]
    assert "raise max_subscriptions" in note["mend"]


@pytest.mark.parametrize("delivery", ["jetstream", "core"])
def test_too_few_subscriptions_to_work_at_all_are_said_in_one_line(
    tmp_path: Path, mongodb_uri: str, delivery: str
) -> None:
    """A restart does not mend it."""
    with guarded(tmp_path, mongodb_uri, "max_subscriptions: 1") as (_, deployment):
        line = refused(deployment, DELIVERY=delivery)
    assert line.startswith("NATS_URL: the server allows this user fewer subscriptions")
    assert "raise max_subscriptions" in line
