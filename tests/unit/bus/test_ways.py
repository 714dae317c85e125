"""Who takes which way: of two that begin at once, the log goes first, and nobody hears himself."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, cast

import pytest
from nats.aio.msg import Msg

from bus.settings import DeliveryMode
from bus.ways import Ways
from tests.patience import PATIENCE_S

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from bus.connection.connection import Connection

CORE, JETSTREAM = DeliveryMode.CORE, DeliveryMode.JETSTREAM


class Room:
    """A connection and its client; whoever is in it hears what is said there, himself too."""

    def __init__(self) -> None:
        """Nobody is in it."""
        self._there: list[Callable[[Msg], Awaitable[None]]] = []
        self.client = self
        self.said: list[bytes] = []

    async def subscribe(self, subject: str, cb: Callable[[Msg], Awaitable[None]]) -> Any:
        """Come in."""
        del subject
        self._there.append(cb)
        return self

    async def unsubscribe(self) -> None:
        """Stay: that he answers no more is for him to see to."""

    def write(self, subject: str, body: bytes) -> None:
        """Say something to all."""
        self.said.append(body)
        message = Msg(_client=cast("Any", None), subject=subject, data=body)
        for hear in self._there:
            asyncio.get_running_loop().create_task(hear(message))  # type: ignore[arg-type]

    async def enter(self) -> Ways:
        """Bring one more."""
        ways = Ways(cast("Connection", self), "nudge")
        await ways.start()
        return ways


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bus.ways.ANSWERED_WITHIN_S", 0.02)
    monkeypatch.setattr("bus.ways.ASKED_AGAIN_S", 0.02)


async def told(ways: Ways, way: DeliveryMode, waits: list[str]) -> None:
    """Agree on a way, before long."""
    async with asyncio.timeout(PATIENCE_S):
        await ways.agree(way, waits.append)


@pytest.mark.parametrize("way", [CORE, JETSTREAM])
async def test_who_is_alone_or_among_his_like_begins_at_once(way: DeliveryMode) -> None:
    """On core NATS with a warning: there several keep no order."""
    room = Room()
    waits: list[str] = []
    for _ in range(3):
        await told(await room.enter(), way, waits)
    assert waits == []


@pytest.mark.parametrize(("first", "second"), [(CORE, JETSTREAM), (JETSTREAM, CORE)])
async def test_who_takes_the_other_way_waits_until_the_first_has_gone(
    first: DeliveryMode, second: DeliveryMode
) -> None:
    """Both would answer a request."""
    room = Room()
    serves, comes = await room.enter(), await room.enter()
    waits: list[str] = []
    await told(serves, first, waits)
    assert waits == []
    coming = asyncio.create_task(told(comes, second, waits))
    while len(waits) < 3:  # noqa: ASYNC110  # a list has no event
        await asyncio.sleep(0.01)
    assert not coming.done()
    assert waits[0].startswith("waits: 1 other instance(s) ")
    await serves.close()
    await coming


async def test_of_two_that_begin_at_once_the_log_goes_first() -> None:
    """And neither waits for ever: who waits says no more that it would take the other way."""
    room = Room()
    over_core, over_log = await room.enter(), await room.enter()
    waits: list[str] = []
    core = asyncio.create_task(told(over_core, CORE, waits))
    await told(over_log, JETSTREAM, [])
    while not waits:  # noqa: ASYNC110  # a list has no event
        await asyncio.sleep(0.01)
    assert not core.done()
    await over_log.close()
    await core


async def test_what_is_no_word_of_theirs_is_passed_over() -> None:
    """A nudge of an instance, or whatever a stranger says."""
    room = Room()
    ways = await room.enter()
    await told(ways, CORE, [])
    before = len(room.said)
    for body in (b"", b"0123456789abcdef", b"who", b"who ", b"\xff \xff", b"jetstreams x"):
        room.write("nudge", body)
    await asyncio.sleep(0.02)
    assert len(room.said) == before + 6
