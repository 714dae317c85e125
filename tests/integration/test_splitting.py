"""What is larger than is taken: digests go in parts, dead letters are cut."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from bus.outbound.message import headers_size
from tests.deployment import Deployment
from tests.servers import prepare_nats, running

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from nats.aio.msg import Msg

MAX_PAYLOAD = 4096


@pytest.fixture
def narrow(tmp_path: Path, mongodb_uri: str) -> Iterator[Deployment]:
    """A deployment on a NATS server that takes small messages only."""
    server = prepare_nats(tmp_path / "nats", f"max_payload: {MAX_PAYLOAD}\n")
    with running(server):
        deployment = Deployment(server.url, mongodb_uri, tmp_path)
        yield deployment
        deployment.end()


def size(message: Msg) -> int:
    """Return the bytes that the server counts."""
    return len(message.data) + headers_size(message.headers or {})


async def test_a_digest_over_max_payload_comes_in_parts_oldest_first(narrow: Deployment) -> None:
    """Consecutive messages, each a whole digest; none lost, and none told again."""
    alarms = [f"{number:03}-{'é' * 100}" for number in range(60)]
    narrow.start()
    async with narrow.broker() as broker:
        for number, alarm in reversed(list(enumerate(alarms))):
            await broker.event("u", alarm, at=f"2021-06-07T20:40:{number:02}Z")
        await broker.request("u")
        await broker.request("v")
        await broker.request("u")
        await broker.settled()
        *parts, nobody, again = await broker.digests()
    assert len(parts) > 60 * 200 // MAX_PAYLOAD
    assert all(size(part) <= MAX_PAYLOAD for part in parts)
    digests = [json.loads(part.data) for part in parts]
    assert {digest["UserID"] for digest in digests} == {"u"}
    assert [a["AlarmID"] for digest in digests for a in digest["ActiveAlarms"]] == alarms
    assert all(digest["ActiveAlarms"] for digest in digests)
    ids = [(part.headers or {})["Nats-Msg-Id"] for part in parts]
    assert len(set(ids)) == len(parts)
    empty: dict[str, list[str]] = {"ActiveAlarms": []}
    assert sorted(json.loads(last.data)["UserID"] for last in (nobody, again)) == ["u", "v"]
    assert all(json.loads(last.data).items() >= empty.items() for last in (nobody, again))


async def test_a_dead_letter_that_leaves_no_room_for_headers_is_cut(narrow: Deployment) -> None:
    """It says how many bytes it had, why and whence, and fills what the server takes."""
    body = bytes(range(256)) * (MAX_PAYLOAD // 256)
    narrow.start()
    async with narrow.broker() as broker:
        await broker.client.publish(narrow.names.events, body)
        letter = await broker.next_dead_letter()
        await broker.settled()
        assert await broker.left() == 0
    headers = letter.headers or {}
    assert headers["Dead-Letter-Cut"] == str(len(body))
    assert headers["Dead-Letter-Subject"] == narrow.names.events
    assert size(letter) == MAX_PAYLOAD
    assert letter.data == body[: len(letter.data)]
