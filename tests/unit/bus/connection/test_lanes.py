"""Lanes: whatever the chunks, the same messages in the same order as nats-py's own parser reads."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nats.errors import ProtocolError
from nats.protocol.parser import Parser

from bus.connection.client import LaneParser
from bus.connection.lanes import Frame, parse_status, take_frames

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

LANES = (7, 8)


class Recorder:
    """In place of a client: keeps what a parser hands over, in order."""

    def __init__(self) -> None:
        """Nothing yet."""
        self.seen: list[tuple[object, ...]] = []

    async def _process_msg(self, sid: int, *about: object) -> None:
        subject, reply, body, headers = about
        self.seen.append((sid, subject, reply, body, headers or b""))

    async def _process_ping(self) -> None:
        self.seen.append(("ping",))

    async def _process_pong(self) -> None:
        self.seen.append(("pong",))

    async def _process_err(self, error: str) -> None:
        self.seen.append(("error", error))

    async def _process_info(self, info: dict[str, Any]) -> None:
        self.seen.append(("info", info["port"]))

    def lane(self, sid: int) -> Callable[[list[Frame]], None]:
        """Return a lane that keeps what it gets like everything else."""
        return lambda frames: self.seen.extend((sid, *frame) for frame in frames)


def _with_lanes(recorder: Recorder) -> LaneParser:
    lanes = {b"%d" % sid: recorder.lane(sid) for sid in LANES}
    return LaneParser(recorder, lanes)  # type: ignore[arg-type]  # what a parser calls of it


def _read(parser: Parser, chunks: Iterable[bytes]) -> None:
    async def read() -> None:
        for chunk in chunks:
            await parser.parse(chunk)

    asyncio.run(read())


def _message(sid: int, subject: bytes, reply: bytes, body: bytes, headers: bytes) -> bytes:
    reply = reply and reply + b" "
    if headers:
        size = len(headers) + len(body)
        sizes = b"%d %d" % (len(headers), size)
        return b"HMSG %b %d %b%b\r\n%b%b\r\n" % (subject, sid, reply, sizes, headers, body)
    return b"MSG %b %d %b%d\r\n%b\r\n" % (subject, sid, reply, len(body), body)


MESSAGES = st.builds(
    _message,
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
    _read(plain, chunks)
    _read(_with_lanes(found), chunks)
    assert found.seen == expected.seen


def test_a_chunk_comes_as_one_list() -> None:
    """That is what makes it cheap; another lane's message ends the list."""
    taken: list[tuple[int, int]] = []

    def lane(sid: int) -> Callable[[list[Frame]], None]:
        return lambda frames: taken.append((sid, len(frames)))

    parser = LaneParser(Recorder(), {b"7": lane(7), b"8": lane(8)})  # type: ignore[arg-type]
    a, b = (_message(sid, b"s", b"r", b"body", b"") for sid in LANES)
    _read(parser, [a + a + a + b + a])
    assert taken == [(7, 3), (8, 1), (7, 1)]


def test_a_body_of_many_chunks_is_put_together() -> None:
    """However the line and the body are cut."""
    recorder = Recorder()
    body = bytes(range(256)) * 400
    data = _message(7, b"s", b"", body, b"") + b"PING\r\n"
    _read(_with_lanes(recorder), [data[:9], *[data[i : i + 999] for i in range(9, len(data), 999)]])
    assert recorder.seen == [(7, b"s", b"", body, b""), ("ping",)]


def test_a_large_body_is_put_together_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not anew for each chunk, which took 30 s of 30 MB; and what follows is read as ever."""
    looks = 0

    def counted(
        data: bytes, lanes: Mapping[bytes, Callable[[list[Frame]], None]]
    ) -> tuple[bytes, int]:
        nonlocal looks
        looks += 1
        return take_frames(data, lanes)

    monkeypatch.setattr("bus.connection.client.take_frames", counted)
    recorder = Recorder()
    body, headers = b"\xff" * 4_000_000, b"NATS/1.0\r\nA: b\r\n\r\n"
    small = _message(8, b"s", b"", b"{}", b"")
    data = small + _message(7, b"s", b"r", body, headers) + small + b"PING\r\n"
    size = 32 * 1024
    _read(_with_lanes(recorder), [data[at : at + size] for at in range(0, len(data), size)])
    of_small = (8, b"s", b"", b"{}", b"")
    assert recorder.seen == [of_small, (7, b"s", b"r", body, headers), of_small, ("ping",)]
    assert looks <= 3


def test_a_lane_that_is_closed_while_its_message_arrives_gets_nothing() -> None:
    """The client knows what to do with a message of nobody's."""
    recorder = Recorder()
    lanes = {b"7": recorder.lane(8)}
    parser = LaneParser(recorder, lanes)  # type: ignore[arg-type]
    data = _message(7, b"s", b"r", b"0123456789", b"") + b"PING\r\n"
    _read(parser, [data[:15]])
    lanes.clear()
    _read(parser, [data[15:]])
    assert recorder.seen == [(7, b"s", b"r", b"0123456789", b""), ("ping",)]


def test_half_a_message_is_forgotten_with_its_connection() -> None:
    """What the next one sends begins with a line of its own."""
    recorder = Recorder()
    parser = _with_lanes(recorder)
    _read(parser, [b"MSG s 7 r 10\r\n0123"])
    parser.reset()
    _read(parser, [_message(7, b"s", b"", b"whole", b"")])
    assert recorder.seen == [(7, b"s", b"", b"whole", b"")]


def test_a_message_that_arrives_by_and_by_is_no_silence() -> None:
    """Bytes count as life while a frame is not all there; between frames they count as nothing."""
    parser = _with_lanes(Recorder())
    chunks = b"MSG s 7 r 10\r\n01", b"234", b"56789\r\n"
    seen = []
    for chunk in chunks:
        _read(parser, [chunk])
        seen.append((bool(parser.buf), parser.arrived_bytes))
    assert seen == [(True, 16), (True, 19), (False, 26)]


@pytest.mark.parametrize("line", [b"NONSENSE\r\n", b"MSG s 7 r x\r\n"])
def test_nonsense_is_left_to_the_clients_parser(line: bytes) -> None:
    """Which says so, and the client reconnects."""
    with pytest.raises(ProtocolError):
        _read(_with_lanes(Recorder()), [line])


def test_a_lane_that_fails_is_the_loops_to_report() -> None:
    """The client's read loop would end on it without a word; what follows is read."""
    recorder, reported = Recorder(), list[object]()

    def fail(frames: list[Frame]) -> None:
        raise ArithmeticError(len(frames))

    async def read() -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, about: reported.append(about["exception"]))
        parser = LaneParser(recorder, {b"7": fail, b"8": recorder.lane(8)})  # type: ignore[arg-type]
        await parser.parse(_message(7, b"s", b"", b"x", b"") + _message(8, b"s", b"", b"y", b""))

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
def test_a_status_and_its_description_are_read(headers: bytes, status: tuple[str, str]) -> None:
    """Frames without a body say what became of a request."""
    assert parse_status(headers) == status
