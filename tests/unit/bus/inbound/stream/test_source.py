"""The inbox of a stream's log: what is sorted to whom, and what strangers can do."""

from __future__ import annotations

import asyncio
import logging
from random import Random
from typing import TYPE_CHECKING

from bus.connection.client.client import NatsClient
from bus.connection.connection import Connection
from bus.inbound.log_source import LogFailure, LogState
from bus.inbound.stream.answers import answer_in, failed_answer, state_of, timestamp_of
from bus.inbound.stream.captures import Captures
from bus.inbound.stream.source import StreamSource
from bus.settings import BusSettings
from bus.subjects import Subjects
from bus.tally import BusTally

if TYPE_CHECKING:
    import pytest

    from bus.inbound.log_source import LogMessages

DATA = b"$JS.ACK.s.%s.1.%d.%d.%d.0"


class Listener:
    """Notes what a reading calls."""

    def __init__(self) -> None:
        """Nothing yet."""
        self.sequences: list[int] = []
        self.troubles: list[str] = []

    def opened(self) -> None:
        """Nothing is asked for."""

    def took(self, messages: LogMessages, waiting: int) -> None:
        """Note them."""
        del waiting
        self.sequences += [message.sequence for message in messages]

    def troubled(self, reason: str) -> None:
        """Note it."""
        self.troubles.append(reason)


def _frame(consumer: bytes, sequence: int, number: int) -> tuple[bytes, bytes, bytes, bytes]:
    return b"subject", DATA % (consumer, sequence, number, sequence), b"body", b""


def _source() -> StreamSource:
    connection = Connection(BusSettings(), Random(0), print)
    return StreamSource(connection, "s", BusTally(), print, Captures(Subjects()))


def _reading(source: StreamSource, consumer: str) -> Listener:
    listener = Listener()
    reading = source.begin(0, listener)
    source._by_consumer[consumer.encode()] = reading
    reading.opened(consumer)
    return listener


async def test_each_message_comes_to_the_reading_of_its_consumer() -> None:
    """In one chunk they may be mixed."""
    source = _source()
    one, two = _reading(source, "one"), _reading(source, "two")
    source._on_frames(
        [
            _frame(b"one", 5, 1),
            _frame(b"two", 8, 1),
            _frame(b"gone", 1, 1),
            _frame(b"two", 9, 2),
            _frame(b"one", 7, 2),
        ]
    )
    assert (one.sequences, two.sequences) == ([5, 7], [8, 9])
    assert one.troubles == two.troubles == []


async def test_a_gap_ends_the_reading_after_what_came_before_it() -> None:
    """In the consumer's sequence; one in the stream's is none."""
    source = _source()
    listener = _reading(source, "c")
    source._on_frames([_frame(b"c", 5, 1), _frame(b"c", 9, 2), _frame(b"c", 10, 4)])
    assert listener.sequences == [5, 9]
    assert len(listener.troubles) == 1


async def test_a_stranger_ends_nothing_and_is_told_of_at_a_bounded_rate(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Whoever may publish can write to an inbox."""
    source = _source()
    listener = _reading(source, "c")
    strangers = [
        (b"inbox.x", b"", b"", b""),
        (b"inbox.1.2", b"", b"{}", b"NATS/1.0 409 Consumer Deleted\r\n\r\n"),
        (b"\xff", b"", b"\xff", b"\xff"),
        (b"inbox." + b"9" * 50, b"", b"", b""),
        (b"subject", b"somewhere", b"", b""),
        (b"subject", b"$JS.ACK.s.c.1.x.1.1.1", b"", b""),
        (b"subject", b"$JS.ACK.s.c.1." + b"9" * 5000 + b".1.1.1", b"", b""),
    ]
    frames = [_frame(b"c", 1, 1), *strangers * 50, _frame(b"c", 2, 2)]
    with caplog.at_level(logging.WARNING):
        source._on_frames(frames)
    assert (listener.sequences, listener.troubles) == ([1, 2], [])
    assert [record.msg for record in caplog.records] == ["delivery.malformed"]


def _connected(source: StreamSource) -> list[tuple[str, str]]:
    """Have it believe in a connection; return what is written to that: subject and reply."""
    written: list[tuple[str, str]] = []

    def write(subject: str, body: bytes, reply: str = "", **_: object) -> None:
        del body
        written.append((subject, reply))

    source._connection.client._status = NatsClient.CONNECTED
    source._connection.write = write  # type: ignore[assignment]
    source._addresses.inbox = "inbox"
    return written


async def test_a_question_is_asked_again_until_it_is_answered() -> None:
    """A cluster that elects a leader forgets it: two seconds' waiting would be for nothing."""
    source = _source()
    written = _connected(source)
    answers: list[LogState | LogFailure] = []
    source.state(answers.append)
    began_s = asyncio.get_running_loop().time()
    source._questions.see_to(began_s + 0.4)
    assert written == [("$JS.API.STREAM.INFO.s", "inbox.1")]
    source._questions.see_to(began_s + 0.6)
    assert written == 2 * [("$JS.API.STREAM.INFO.s", "inbox.1")]
    source._questions.see_to(began_s + 2.1)
    source._questions.see_to(began_s + 3.0)
    assert len(written) == 2
    assert answers == [LogFailure("no answer in time")]


async def test_a_consumer_that_was_made_twice_or_too_late_is_deleted() -> None:
    """A server that has lost a peer may have given the first to that one, or answered late."""
    source = _source()
    written = _connected(source)
    listener = Listener()
    source.begin(0, listener)
    source._questions.see_to(asyncio.get_running_loop().time() + 0.6)
    assert written == 2 * [("$JS.API.CONSUMER.CREATE.s", "inbox.1")]
    source._on_frames([(b"inbox.1", b"", b'{"name":"first"}', b"")])
    source._on_frames([(b"inbox.1", b"", b'{"name":"first"}', b"")])
    source._on_frames([(b"inbox.1", b"", b'{"name":"a b.>"}', b"")])
    assert len(written) == 2
    source._on_frames([(b"inbox.1", b"", b'{"name":"second"}', b"")])
    assert written[2:] == [("$JS.API.CONSUMER.DELETE.s.second", "inbox.2")]
    source._on_frames([_frame(b"first", 5, 1), _frame(b"second", 5, 1)])
    assert (listener.sequences, listener.troubles) == ([5], [])


def test_answers_of_any_form_are_read_or_refused() -> None:
    """They come from the network."""
    odd = b"", b"[]", b"1", b'{"error":1}', b"\xff"
    for said in [answer_in(body, b"") for body in odd]:
        assert said == failed_answer(said["error"]["description"])
    silent = answer_in(b"", b"NATS/1.0 503\r\n\r\n")
    assert silent == failed_answer("status 503")
    assert isinstance(state_of({}), LogFailure)
    assert isinstance(state_of({"state": 1, "created": "x"}), LogFailure)
    assert isinstance(timestamp_of({"message": {"time": 3}}), LogFailure)
    assert isinstance(timestamp_of({"message": []}), LogFailure)


def test_an_empty_streams_first_message_is_the_one_that_comes_next() -> None:
    """A server says 0 before any, and one above the last later."""
    for first, last in ((0, 0), (8, 7)):
        state = {"first_seq": first, "last_seq": last, "messages": 0}
        assert state_of({"created": "x", "state": state}) == LogState("x", last + 1, last)
