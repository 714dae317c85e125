"""One reading of a stream: what it asks for, and what it makes of each answer."""

from __future__ import annotations

import logging
from typing import Any

import orjson
import pytest

from bus.inbound.log_source import LogMessage, LogMessages
from bus.inbound.stream.reading import (
    BATCH,
    EXPIRES_S,
    REQUEST_BYTES,
    Allowed,
    StreamReading,
)

LARGEST = 1 << 20
PLENTY = 1 << 30


class Desk:
    """A reading's source and its callbacks, which note everything."""

    def __init__(self, room: int = 10_000, room_bytes: int = PLENTY) -> None:
        """Open a reading and give it room."""
        self.largest_bytes = LARGEST
        self.allowed = Allowed()
        self.asked: list[dict[str, Any]] = []
        self.open_requests: set[int] = set()
        self.given_up: list[str | None] = []
        self.statuses: list[str] = []
        self.taken: list[LogMessage] = []
        self.troubles: list[str] = []
        self.is_open = False
        self.reading = StreamReading(self, 0, self)
        self.reading.opened("c")
        assert self.is_open
        self.reading.ask(room, room_bytes)

    def request(self, reading: StreamReading, consumer: str, body: bytes) -> int:
        """See ``ReadingOwner``."""
        assert (reading, consumer) == (self.reading, "c")
        self.asked.append(orjson.loads(body))
        self.open_requests.add(len(self.asked))
        return len(self.asked)

    def served(self, request: int) -> None:
        """See ``ReadingOwner``."""
        self.open_requests.remove(request)

    def over(self, reading: StreamReading, consumer: str | None) -> None:
        """See ``ReadingOwner``."""
        del reading
        self.given_up.append(consumer)

    def note_status(self, status: str, description: str) -> None:
        """See ``ReadingOwner``."""
        self.statuses.append(f"{status} {description}")

    def opened(self) -> None:
        """See ``ReadingCallbacks``."""
        self.is_open = True

    def took(self, messages: LogMessages, waiting: int) -> None:
        """See ``ReadingCallbacks``."""
        assert waiting == 5
        self.taken += messages

    def troubled(self, reason: str) -> None:
        """See ``ReadingCallbacks``."""
        self.troubles.append(reason)

    def deliver(self, first: int, count: int, size: int = 10) -> None:
        """Have so many messages come."""
        last = first + count - 1
        messages = [LogMessage("s", b"x" * size, b"", n, n) for n in range(first, last + 1)]
        self.reading.take(LogMessages.of(messages), first, last, 5)

    def status(self, line: str, request: int = 1, more: str = "") -> None:
        """Have a status come."""
        self.reading.on_status(request, f"NATS/1.0 {line}\r\n{more}\r\n".encode())


def test_the_next_request_overlaps_with_the_last() -> None:
    """Half a batch before it is served: the server has always something to serve."""
    desk = Desk()
    assert [request["batch"] for request in desk.asked] == [BATCH]
    assert desk.asked[0]["idle_heartbeat"] * 2 <= desk.asked[0]["expires"]
    desk.deliver(1, BATCH // 2)
    desk.reading.ask(10_000, PLENTY)
    assert len(desk.asked) == 1
    desk.deliver(BATCH // 2 + 1, 1)
    desk.reading.ask(10_000, PLENTY)
    assert len(desk.asked) == 2
    desk.deliver(BATCH // 2 + 2, BATCH // 2 - 1)
    assert desk.open_requests == {2}


def test_no_more_is_owed_than_there_is_room_for() -> None:
    """Neither messages nor bytes; but a single message may be larger."""
    desk = Desk(room=300, room_bytes=3 * LARGEST)
    assert [(one["batch"], one["max_bytes"]) for one in desk.asked] == [(300, 3 * LARGEST)]
    desk.deliver(1, 299)
    desk.reading.ask(10_000, LARGEST // 2)
    assert len(desk.asked) == 1
    desk.deliver(300, 1)
    desk.reading.ask(10_000, LARGEST // 2)
    assert desk.asked[1]["max_bytes"] == LARGEST
    desk.deliver(301, BATCH)
    desk.reading.ask(10_000, 0)
    desk.reading.ask(0, PLENTY)
    assert len(desk.asked) == 2


@pytest.mark.parametrize(
    "line", ["404 No Messages", "408 Request Timeout", "409 Message Size Exceeds MaxBytes"]
)
def test_a_request_that_is_over_is_followed_by_another(line: str) -> None:
    """None of these means that anything is missing."""
    desk = Desk()
    desk.status(line)
    assert (len(desk.asked), desk.open_requests, desk.troubles) == (2, {2}, [])
    assert desk.statuses == [line]


@pytest.mark.parametrize(
    "line",
    [
        "400 Bad Request",
        "409 Consumer Deleted",
        "409 Consumer is push based",
        "409 Leadership Change",
        "409 Server Shutdown",
        "409 Exceeded MaxWaiting",
        "412 Something New",
        "503",
    ],
)
def test_whatever_else_comes_in_place_of_messages_ends_the_reading(line: str) -> None:
    """There is one way to recover; and none is swallowed."""
    desk = Desk()
    desk.status(line)
    assert len(desk.troubles) == 1
    assert desk.troubles[0].startswith(line[:3])
    assert desk.given_up == ["c"]
    assert desk.statuses == [line if " " in line else f"{line} "]
    desk.deliver(1, 1)
    desk.status(line)
    assert (desk.taken, len(desk.troubles)) == ([], 1)


@pytest.mark.parametrize(
    ("line", "key", "value"),
    [
        ("409 Exceeded MaxRequestBatch of 100", "batch", 100),
        ("409 Exceeded MaxRequestBatch", "batch", BATCH // 2),
        ("409 Exceeded MaxRequestExpires of 1m1.5s", "expires", 61_500_000_000),
        ("409 Exceeded MaxRequestExpires of 500ms", "expires", 500_000_000),
        ("409 Exceeded MaxRequestExpires", "expires", int(EXPIRES_S / 2 * 1e9)),
        ("409 Exceeded MaxRequestMaxBytes of 4096", "max_bytes", 4096),
        ("409 Exceeded MaxRequestMaxBytes", "max_bytes", REQUEST_BYTES // 2),
    ],
)
def test_what_a_server_allows_is_asked_for(
    line: str, key: str, value: int, caplog: pytest.LogCaptureFixture
) -> None:
    """From then on, and it is said once."""
    desk = Desk()
    with caplog.at_level(logging.WARNING):
        desk.status(line)
    assert desk.troubles == []
    assert desk.asked[1][key] == value
    assert desk.asked[1]["idle_heartbeat"] * 2 <= desk.asked[1]["expires"]
    assert [record.msg for record in caplog.records] == ["pull.limited"]


@pytest.mark.parametrize(
    ("said", "learnt", "inactive_s"),
    [
        ("consumer inactive threshold exceeds system limit of 5s", True, 5.0),
        ("consumer inactive threshold exceeds system limit of 2m0s", False, 60.0),
        ("consumer inactive threshold exceeds system limit of", False, 60.0),
        ("maximum consumers limit reached", False, 60.0),
    ],
)
def test_a_consumer_that_a_stream_allows_is_asked_for(
    said: str, inactive_s: float, *, learnt: bool
) -> None:
    """Where nothing is learnt, asking again at once is no use."""
    allowed = Allowed()
    assert allowed.learn_of_consumers(said) is learnt
    assert allowed.inactive_s == inactive_s
    assert not allowed.learn_of_consumers(said)


def test_a_limit_that_is_refused_again_ends_the_reading() -> None:
    """Asking for the same in a hot loop is no use."""
    desk = Desk()
    for request in (1, 2):
        desk.status("409 Exceeded MaxRequestBatch of 100", request)
    assert len(desk.troubles) == 1


@pytest.mark.parametrize("number", [1, 3, 5])
def test_a_gap_or_a_repeat_in_the_consumers_sequence_ends_the_reading(number: int) -> None:
    """Something was lost on the way, or is not what it seems."""
    desk = Desk()
    desk.deliver(1, 3)
    desk.deliver(number, 1)
    assert len(desk.taken) == 3
    assert len(desk.troubles) == 1


def test_a_heartbeat_that_knows_of_more_than_came_ends_the_reading() -> None:
    """What it counts was sent before it."""
    desk = Desk()
    desk.deliver(1, 3)
    desk.status("100 Idle Heartbeat", more="Nats-Last-Consumer: 3\r\nNats-Last-Stream: 9\r\n")
    assert desk.troubles == []
    desk.status("100 Idle Heartbeat", more="Nats-Last-Consumer: 4\r\nNats-Last-Stream: 9\r\n")
    assert len(desk.troubles) == 1


def test_a_status_of_no_request_of_ours_is_nobodys() -> None:
    """It may come late, or from a stranger."""
    desk = Desk()
    desk.status("409 Consumer Deleted", request=7)
    assert (desk.troubles, desk.statuses) == ([], [])


def test_a_consumer_made_for_a_reading_that_has_ended_is_given_up() -> None:
    """It would stand for a minute otherwise."""
    desk = Desk()
    desk.reading = StreamReading(desk, 0, desk)
    desk.reading.end()
    desk.is_open = False
    desk.reading.opened("late")
    assert (desk.given_up, desk.is_open) == ([None, "late"], False)
