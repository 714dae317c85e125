"""What every ``LogSource`` promises: order, any beginning, and trouble where something may miss."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bus.inbound.log_source import LogState
from tests.contract.logs import StreamSide, begun, opened_side, state_of, timestamp_of, until

if TYPE_CHECKING:
    from tests.contract.logs import LogSide

SIDES = pytest.mark.parametrize("kind", ["memory", "nats"])


@SIDES
async def test_the_log_is_read_in_order_from_any_place(kind: str, nats_url: str) -> None:
    """Also from before its first message, and behind its last."""
    async with opened_side(kind, nats_url) as side:
        bodies = [b"%d" % n for n in range(600)]
        for body in bodies:
            await side.put(body)
        for after in (0, 1, 299, 599):
            listener, reading = await begun(side, after)
            await until(side, lambda: len(listener.bodies) >= 600 - after)  # noqa: B023
            assert listener.bodies == bodies[after:]
            assert [message.sequence for message in listener.messages] == [*range(after + 1, 601)]
            assert listener.waiting == 0
            reading.end()
        listener, _ = await begun(side, 600)
        await side.put(b"new")
        await until(side, lambda: listener.bodies == [b"new"])


@SIDES
async def test_timestamps_are_those_of_the_messages(kind: str, nats_url: str) -> None:
    """They tell a message from another that has its sequence; ascending."""
    async with opened_side(kind, nats_url) as side:
        for n in range(3):
            await side.put(b"%d" % n)
        listener, _ = await begun(side, 0)
        await until(side, lambda: len(listener.bodies) == 3)
        told = [message.timestamp_ns for message in listener.messages]
        assert told == sorted(told)
        for message in listener.messages:
            assert await timestamp_of(side, message.sequence) == message.timestamp_ns
        assert await timestamp_of(side, 4) is None


@SIDES
async def test_the_state_tells_what_the_log_holds(kind: str, nats_url: str) -> None:
    """An empty log's first sequence is the one that comes next."""
    async with opened_side(kind, nats_url) as side:
        empty = await state_of(side)
        assert isinstance(empty, LogState)
        assert (empty.first, empty.last) == (1, 0)
        for n in range(5):
            await side.put(b"%d" % n)
        assert await state_of(side) == LogState(empty.created, 1, 5)
        await side.discard(2)
        assert await state_of(side) == LogState(empty.created, 3, 5)
        assert await timestamp_of(side, 2) is None
        await side.discard(5)
        assert await state_of(side) == LogState(empty.created, 6, 5)


@SIDES
async def test_what_was_discarded_is_left_out(kind: str, nats_url: str) -> None:
    """The next there is comes."""
    async with opened_side(kind, nats_url) as side:
        for n in range(9):
            await side.put(b"%d" % n)
        await side.discard(4)
        listener, _ = await begun(side, 1)
        await until(side, lambda: len(listener.bodies) == 5)
        assert listener.messages[0].sequence == 5


@SIDES
async def test_no_more_comes_than_there_is_room_for(kind: str, nats_url: str) -> None:
    """Nothing before it is asked for; how much waits is said."""
    async with opened_side(kind, nats_url) as side:
        for n in range(50):
            await side.put(b"%d" % n)
        listener, reading = await begun(side, 0, room=0)
        await _a_while(side)
        assert listener.bodies == []
        reading.ask(7, 1 << 20)
        await until(side, lambda: len(listener.bodies) >= 7)
        await _a_while(side)
        assert (len(listener.bodies), listener.waiting) == (7, 43)
        reading.ask(3, 1 << 20)
        await until(side, lambda: len(listener.bodies) >= 10)
        await _a_while(side)
        assert len(listener.bodies) == 10


@SIDES
async def test_a_reading_whose_consumer_is_lost_says_so(kind: str, nats_url: str) -> None:
    """Once, and nothing comes behind it; another goes on where it was."""
    async with opened_side(kind, nats_url) as side:
        await side.put(b"a")
        listener, _ = await begun(side, 0)
        await until(side, lambda: listener.bodies == [b"a"])
        await side.lose_consumers()
        await side.put(b"b")
        await until(side, lambda: bool(listener.troubles))
        other, _ = await begun(side, listener.messages[-1].sequence)
        seen = len(listener.bodies)
        await until(side, lambda: (listener.bodies + other.bodies)[:2] == [b"a", b"b"])
        assert (len(listener.troubles), len(listener.bodies)) == (1, seen)


@SIDES
async def test_a_stream_made_anew_ends_the_reading_and_is_told_by_its_creation(
    kind: str, nats_url: str
) -> None:
    """Its sequences begin again."""
    async with opened_side(kind, nats_url) as side:
        for n in range(3):
            await side.put(b"%d" % n)
        before = await state_of(side)
        listener, _ = await begun(side, 0)
        await until(side, lambda: len(listener.bodies) == 3)
        await side.recreate()
        await until(side, lambda: bool(listener.troubles))
        after = await state_of(side)
        assert isinstance(before, LogState)
        assert isinstance(after, LogState)
        assert (after.first, after.last) == (1, 0)
        assert after.created != before.created


@SIDES
async def test_an_ended_reading_calls_nobody(kind: str, nats_url: str) -> None:
    """Whatever was on its way."""
    async with opened_side(kind, nats_url) as side:
        for n in range(20):
            await side.put(b"%d" % n)
        listener, reading = await begun(side, 0)
        reading.end()
        seen = len(listener.bodies)
        early, begins = await begun(side, 0, room=0)
        begins.end()
        await side.lose_consumers()
        await _a_while(side)
        assert len(listener.bodies) == seen
        assert listener.troubles == early.troubles == []
        if isinstance(side, StreamSide):
            assert await side.consumers() == 0


@SIDES
async def test_two_readings_go_on_beside_each_other(kind: str, nats_url: str) -> None:
    """Each in order, from its own place."""
    async with opened_side(kind, nats_url) as side:
        for n in range(40):
            await side.put(b"%d" % n)
        first, _ = await begun(side, 0)
        second, _ = await begun(side, 20)
        await until(side, lambda: len(first.bodies) == 40 and len(second.bodies) == 20)
        assert first.bodies == [b"%d" % n for n in range(40)]
        assert second.bodies == first.bodies[20:]


async def _a_while(side: LogSide) -> None:
    """Have whatever is on its way arrive."""
    for _ in range(40):
        await side.turn()
