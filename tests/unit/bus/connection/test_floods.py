"""What may come by the thousand is told at once, now and then, and in the end."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from bus.connection import floods
from bus.connection.floods import FloodLog

if TYPE_CHECKING:
    import pytest


async def test_the_first_is_told_at_once_and_the_rest_together(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With the count of all, and the latest; silence is not told."""
    monkeypatch.setattr(floods, "INTERVAL_S", 0.01)
    told: asyncio.Queue[tuple[int, str]] = asyncio.Queue()
    log = FloodLog(lambda total, latest: told.put_nowait((total, latest)))
    for number in range(1000):
        log.add(f"{number}")
    assert [told.get_nowait(), told.empty()] == [(1, "0"), True]
    assert await asyncio.wait_for(told.get(), 5) == (1000, "999")
    log.add("later")
    assert await asyncio.wait_for(told.get(), 5) == (1001, "later")
    log.close()
    assert told.empty()
    assert log.total == 1001


async def test_what_was_not_told_is_told_when_it_ends() -> None:
    """The count that is read last is the right one."""
    told: list[tuple[int, str]] = []
    log = FloodLog(lambda total, latest: told.append((total, latest)))
    for number in range(3):
        log.add(f"{number}")
    log.close()
    assert told == [(1, "0"), (3, "2")]
