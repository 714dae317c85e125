"""What addresses of deliveries tell, and the short way against the long one."""

from __future__ import annotations

from random import Random

import pytest

from bus.inbound.log_source import LogMessage
from bus.inbound.stream.deliveries import Delivered, PlainRun, parse_delivery

NAMES = {b"s": "s", b"t": "t"}
AT_NS = 1_623_098_415_598_765_212


@pytest.mark.parametrize(
    "reply",
    [
        b"$JS.ACK.ALARM_INPUT.c.3.71.42.1623098415598765212.9",
        b"$JS.ACK.hub.kXzR7q.ALARM_INPUT.c.3.71.42.1623098415598765212.9",
        b"$JS.ACK.hub.kXzR7q.ALARM_INPUT.c.3.71.42.1623098415598765212.9.rAnd",
        b"$JS.ACK._.kXzR7q.ALARM_INPUT.c.3.71.42.1623098415598765212.9.rAnd",
    ],
)
def test_a_delivery_is_read_from_old_and_new_forms(reply: bytes) -> None:
    """Newer servers put domain and account behind ACK, and a token at the end."""
    assert parse_delivery(reply) == Delivered(b"c", 71, 42, 1_623_098_415_598_765_212, 9)


@pytest.mark.parametrize(
    "reply", [b"", b"_INBOX.a.b", b"$JS.ACK.s.c.1.2", b"$JS.ACK.s.c.1.x.3.4.5", b"\xff.1.2.3"]
)
def test_another_kind_of_address_is_refused(reply: bytes) -> None:
    """Only a delivery has those numbers."""
    with pytest.raises((ValueError, IndexError)):
        parse_delivery(reply)


def _address(number: int, consumer: str = "c", more: str = "", stream: int = 7) -> bytes:
    tail = f"{number + stream}.{number}.{AT_NS + number}.{99 - number}{more}"
    return f"$JS.ACK.S.{consumer}.1.{tail}".encode()


def _run() -> PlainRun:
    run = PlainRun()
    run.learn(_address(1), b"c")
    return run


def test_a_chunk_of_one_consumer_is_read_the_short_way() -> None:
    """Subjects by name, all as it came."""
    frames = [(b"s", _address(4), b"x", b""), (b"t", _address(5), b"y", b"NATS/1.0")]
    messages = [
        LogMessage("s", b"x", b"", 11, AT_NS + 4),
        LogMessage("t", b"y", b"NATS/1.0", 12, AT_NS + 5),
    ]
    run = _run().read(frames, NAMES)
    assert run is not None
    assert list(run[0]) == messages
    assert run[1:] == (4, 5, 94)


@pytest.mark.parametrize(
    "frames",
    [
        [],
        [(b"s", b"", b"", b"NATS/1.0 100")],
        [(b"s", _address(1), b"", b""), (b"s", b"", b"", b"NATS/1.0 100")],
        [(b"s", _address(1), b"", b""), (b"s", _address(3), b"", b"")],
        [(b"s", _address(1), b"", b""), (b"s", _address(1), b"", b"")],
        [(b"s", _address(1, "d"), b"", b"")],
        [(b"s", _address(1, more=".more"), b"", b"")],
        [(b"s", b"$JS.ACK.S.c.1.x.1.1.1", b"", b"")],
        [(b"s", b"$JS.ACK.S.c.1.1.1", b"", b"")],
        [(b"s", _address(1), b"", b""), (b"s", _address(2, stream=9), b"", b"")],
        [(b"s", _address(n, more="." if n == 2 else ""), b"", b"") for n in (1, 2, 3)],
        [(b"unknown", _address(1), b"", b"")],
    ],
)
def test_any_other_chunk_is_left_to_the_long_way(frames: list[tuple[bytes, ...]]) -> None:
    """Answers, gaps, repeats, other consumers, strangers, subjects that are not known yet.

    And a gap in the stream: what lies between is not known by counting.
    """
    assert _run().read(frames, NAMES) is None  # type: ignore[arg-type]  # frames are of four


def test_long_addresses_are_never_read_the_short_way() -> None:
    """Those with domain and account: where their numbers are is the long way's to know."""
    run = PlainRun()
    address = b"$JS.ACK.hub.kXzR7q.S.c.1.71.42.1623098415598765212.9"
    assert run.read([(b"s", address, b"", b"")], NAMES) is None
    run.learn(address, b"c")
    assert run.read([(b"s", address, b"", b"")], NAMES) is None


def test_what_the_short_way_reads_the_long_one_reads_too() -> None:
    """Over chunks that are nearly plain."""
    random = Random(1)
    read = 0
    for _ in range(3000):
        numbers = list(range(3, 3 + random.randint(1, 6)))
        if random.random() < 0.3:
            numbers[random.randrange(len(numbers))] += random.randint(-2, 2)
        frames = [(random.choice([b"s", b"t"]), _address(n), b"%d" % n, b"") for n in numbers]
        run = _run().read(frames, NAMES)
        said = [parse_delivery(address) for _, address, _, _ in frames]
        ordered = [one.number for one in said] == list(range(numbers[0], numbers[0] + len(said)))
        if numbers != sorted(set(numbers)):
            continue  # no server counts so
        assert (run is not None) == ordered
        if run is None:
            continue
        read += 1
        messages, first, last, waiting = run
        assert (first, last, waiting) == (said[0].number, said[-1].number, said[-1].waiting)
        assert [(m.sequence, m.timestamp_ns) for m in messages] == [
            (one.sequence, one.timestamp_ns) for one in said
        ]
    assert read > 1000
