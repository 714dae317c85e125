"""Lanes: whatever the chunks, the same messages in the same order as nats-py's own parser reads."""

from __future__ import annotations

import asyncio
from time import thread_time
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nats.protocol.parser import Parser

from bus.connection.client.lanes import Frame, parse_status
from bus.connection.client.parser import LaneParser
from tests.unit.bus.connection.client.recorder import LANES, Recorder, message, read, with_lanes

if TYPE_CHECKING:
    from collections.abc import Callable

MESSAGES = st.builds(
    message,
    st.sampled_from((*LANES, 9, 77)),
    st.sampled_from((b"a", b"HMSG", b"AlarmStatusChanged")),
    st.sampled_from((b"", b"$JS.ACK.s.c.1.2.3.4.5")),
    st.sampled_from((b"", b"{}", b"\r\n", b"MSG x 7 0\r\n\r\n", b"\xff" * 90)) | st.binary(),
    st.sampled_from((b"", b"NATS/1.0\r\nNats-Msg-Id: 1\r\n\r\n", b"NATS/1.0 404 Gone\r\n\r\n")),
)
COMMANDS = MESSAGES | st.sampled_from(
    (b"PING\r\n", b"PONG\r\n", b"+OK\r\n", b"-ERR 'Slow Consumer'\r\n", b'INFO {"port":1}\r\n')
)


@given(st.lists(COMMANDS), st.lists(st.integers(1, 60), min_size=1))
def test_any_traffic_in_any_chunks_is_read_as_the_clients_parser_reads_it(
    commands: list[bytes], sizes: list[int]
) -> None:
    """Order included, across lanes and what is in none."""
    data = b"".join(commands)
    chunks: list[bytes] = []
    while data:
        size = sizes[len(chunks) % len(sizes)]
        chunks.append(data[:size])
        data = data[size:]
    expected, found = Recorder(), Recorder()
    plain = Parser(expected)
    read(plain, chunks)
    read(with_lanes(found), chunks)
    assert found.seen == expected.seen


def test_a_chunk_comes_as_one_list() -> None:
    """That is what makes it cheap; another lane's message ends the list."""
    taken: list[tuple[int, int]] = []

    def lane(sid: int) -> Callable[[list[Frame]], None]:
        return lambda frames: taken.append((sid, len(frames)))

    parser = LaneParser(Recorder(), {b"7": lane(7), b"8": lane(8)})  # type: ignore[arg-type]
    a, b = (message(sid, b"s", b"r", b"body", b"") for sid in LANES)
    read(parser, [a + a + a + b + a])
    assert taken == [(7, 3), (8, 1), (7, 1)]


def test_a_body_full_of_begins_of_frames_is_read_once() -> None:
    """Not to its end for each of them, which took 25 s of a chunk, of every instance."""
    recorder = Recorder()
    body = b"\r" + b"MSG " * 50_000 + b"\rX"
    data = message(7, b"s", b"r", body, b"") * 5
    began_s = thread_time()
    read(with_lanes(recorder), [data])
    assert thread_time() - began_s < 1
    assert recorder.seen == [(7, b"s", b"r", body, b"")] * 5


def test_a_lane_that_fails_is_the_loops_to_report() -> None:
    """The client's read loop would end on it without a word; what follows is read."""
    recorder, reported = Recorder(), list[object]()

    def fail(frames: list[Frame]) -> None:
        raise ArithmeticError(len(frames))

    async def read() -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, about: reported.append(about["exception"]))
        parser = LaneParser(recorder, {b"7": fail, b"8": recorder.lane(8)})  # type: ignore[arg-type]
        await parser.parse(message(7, b"s", b"", b"x", b"") + message(8, b"s", b"", b"y", b""))

    asyncio.run(read())
    assert [repr(error) for error in reported] == ["ArithmeticError(1)"]
    assert [seen[3] for seen in recorder.seen] == [b"y"]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        (b"NATS/1.0 404 No Messages\r\n\r\n", ("404", "No Messages")),
        (
            b"NATS/1.0 100 Idle Heartbeat\r\nNats-Last-Consumer: 1\r\n\r\n",
            ("100", "Idle Heartbeat"),
        ),
        (b"NATS/1.0 503\r\n\r\n", ("503", "")),
        (b"NATS/1.0\r\nA: b\r\n\r\n", ("", "")),
    ],
)
def test_a_status_and_its_description_areread(headers: bytes, status: tuple[str, str]) -> None:
    """Frames without a body say what became of a request."""
    assert parse_status(headers) == status
