"""Greetings: limits of servers and accounts, and who we are by a URL."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from nats.errors import MaxPayloadError

from tests.unit.bus.connection.client.scripted import SERVER_LIMIT, ScriptedServer, connected

if TYPE_CHECKING:
    from bus.connection.client.client import NatsClient


async def test_the_account_s_limit_is_obeyed() -> None:
    """It comes in a second greeting, behind the first PONG; also nats-py's own publish knows."""
    script = ScriptedServer()
    script.account_limit = 1000
    async with connected(script) as client:
        assert client.max_payload == 1000
        with pytest.raises(MaxPayloadError):
            await client.publish("s", b"x" * 1001)
        script.limit(500)
        await client.flush()
        assert client.max_payload == 500


async def test_an_account_s_limit_is_no_larger_than_the_server_s() -> None:
    """The server goes by the smaller."""
    script = ScriptedServer()
    script.account_limit = 2 * SERVER_LIMIT
    async with connected(script) as client:
        assert client.max_payload == SERVER_LIMIT


async def test_the_limit_stands_over_a_reconnect_until_it_is_told_anew() -> None:
    """What is written between the two greetings must not exceed it; later it may have gone."""
    script = ScriptedServer()
    script.account_limit = 1000
    limits: list[int] = []
    back = asyncio.Event()
    client: NatsClient

    async def on_disconnected() -> None:
        limits.append(client.max_payload)

    async def on_reconnected() -> None:
        limits.append(client.max_payload)
        client.forget_former_limit()
        back.set()

    async with connected(
        script, disconnected_cb=on_disconnected, reconnected_cb=on_reconnected
    ) as client:
        script.account_limit = None
        script.drop()
        await asyncio.wait_for(back.wait(), 5)
        assert limits == [1000, 1000]
        assert client.max_payload == SERVER_LIMIT


@pytest.mark.parametrize(
    ("user_info", "said"),
    [
        ("al%40ice:p%40ss%2Fw%3A%25@", {"user": "al@ice", "pass": "p@ss/w:%"}),
        ("plain:secret@", {"user": "plain", "pass": "secret"}),
        ("t%2Fken@", {"auth_token": "t/ken"}),
        ("u:100%+x@", {"user": "u", "pass": "100%+x"}),
    ],
)
async def test_what_a_url_says_of_us_is_percent_decoded(
    user_info: str, said: dict[str, str]
) -> None:
    """As everywhere; what is no escape stays as it is."""
    script = ScriptedServer()
    async with connected(script, user_info):
        [connect] = script.connects
    assert {name: connect.get(name) for name in said} == said


async def test_a_user_and_password_of_settings_are_said_as_they_are() -> None:
    """Nobody encodes an environment variable."""
    script = ScriptedServer()
    async with connected(script, user="a%40b", password="c%2Fd"):
        [connect] = script.connects
    assert (connect["user"], connect["pass"]) == ("a%40b", "c%2Fd")
