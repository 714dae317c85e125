"""The parser of lanes: messages that come in pieces, and what is none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from nats.errors import ProtocolError

from bus.connection.client.lanes import take_frames
from bus.connection.client.parser import LaneParser
from tests.unit.bus.connection.client.recorder import Recorder, message, read, with_lanes

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bus.connection.client.lanes import Frame


def test_a_body_of_many_chunks_is_put_together() -> None:
    """However the line and the body are cut."""
    recorder = Recorder()
    body = bytes(range(256)) * 400
    data = message(7, b"s", b"", body, b"") + b"PING\r\n"
    read(with_lanes(recorder), [data[:9], *[data[i : i + 999] for i in range(9, len(data), 999)]])
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

    monkeypatch.setattr("bus.connection.client.parser.take_frames", counted)
    recorder = Recorder()
    body, headers = b"\xff" * 4_000_000, b"NATS/1.0\r\nA: b\r\n\r\n"
    small = message(8, b"s", b"", b"{}", b"")
    data = small + message(7, b"s", b"r", body, headers) + small + b"PING\r\n"
    size = 32 * 1024
    read(with_lanes(recorder), [data[at : at + size] for at in range(0, len(data), size)])
    of_small = (8, b"s", b"", b"{}", b"")
    assert recorder.seen == [of_small, (7, b"s", b"r", body, headers), of_small, ("ping",)]
    assert looks <= 3


def test_half_a_message_is_forgotten_with_its_connection() -> None:
    """What the next one sends begins with a line of its own."""
    recorder = Recorder()
    parser = with_lanes(recorder)
    read(parser, [b"MSG s 7 r 10\r\n0123"])
    parser.reset()
    read(parser, [message(7, b"s", b"", b"whole", b"")])
    assert recorder.seen == [(7, b"s", b"", b"whole", b"")]


def test_a_message_that_arrives_by_and_by_is_no_silence() -> None:
    """Bytes count as life while a frame is not all there; between frames they count as nothing."""
    parser = with_lanes(Recorder())
    chunks = b"MSG s 7 r 10\r\n01", b"234", b"56789\r\n"
    seen = []
    for chunk in chunks:
        read(parser, [chunk])
        seen.append((bool(parser.buf), parser.arrived_bytes))
    assert seen == [(True, 16), (True, 19), (False, 26)]


@pytest.mark.parametrize("line", [b"NONSENSE\r\n", b"MSG s 7 r x\r\n"])
def test_nonsense_is_left_to_the_clients_parser(line: bytes) -> None:
    """Which says so, and the client reconnects."""
    with pytest.raises(ProtocolError):
        read(with_lanes(Recorder()), [line])


def test_a_lane_that_is_closed_while_its_message_arrives_gets_nothing() -> None:
    """The client knows what to do with a message of nobody's."""
    recorder = Recorder()
    lanes = {b"7": recorder.lane(8)}
    parser = LaneParser(recorder, lanes)  # type: ignore[arg-type]
    data = message(7, b"s", b"r", b"0123456789", b"") + b"PING\r\n"
    read(parser, [data[:15]])
    lanes.clear()
    read(parser, [data[15:]])
    assert recorder.seen == [(7, b"s", b"r", b"0123456789", b""), ("ping",)]
