"""The lane of publications' answers: whatever comes there, the process goes on."""

from __future__ import annotations

import logging
from random import Random
from typing import TYPE_CHECKING

import pytest

from bus.connection.connection import Connection
from bus.outbound.jetstream import ProvedTransport
from bus.outbound.message import OutgoingMessage
from bus.settings import BusSettings
from bus.streams.limits import StreamLimits

if TYPE_CHECKING:
    from bus.outbound.transport import Outcomes

STRANGE = [b"notanumber", b"", b"-1", b"0", "\u00b2".encode(), b"1" * 5000, b"7", b"\xff"]


STORED = b'{"stream":"S","seq":1}'
FULL = b'{"error":{"code":503,"err_code":10077,"description":"maximum messages exceeded"}}'


def _transport() -> ProvedTransport:
    settings = BusSettings()
    connection = Connection(settings, Random(0), pytest.fail)
    return ProvedTransport(
        connection, pytest.fail, pytest.fail, StreamLimits(connection, settings.subjects)
    )


@pytest.mark.parametrize("tail", STRANGE)
async def test_a_strangers_frame_in_the_inbox_ends_nothing(
    tail: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """An error in a lane ends the process; anybody who may publish could have sent this."""
    transport = _transport()
    with caplog.at_level(logging.WARNING):
        for body, headers in ((b"", b""), (b"{}", b""), (b"", b"NATS/1.0 503\r\n\r\n")):
            transport._on_answers([(b"_INBOX.x." + tail, b"", body, headers)])
    assert [record.message for record in caplog.records] == ["answer.malformed"]


async def test_what_is_sent_together_is_settled_together_each_by_its_own_answer() -> None:
    """In whatever order the answers come; who has failed is known."""
    transport = _transport()
    settled: list[list[str | None]] = []

    def note(outcomes: Outcomes) -> None:
        settled.append([None if error is None else str(error) for error in outcomes])

    message = OutgoingMessage("s", b"body")
    transport._publish([message] * 2, note)
    transport._publish([message] * 3, note)
    for number, answer in ((5, STORED), (2, STORED), (4, FULL), (1, STORED)):
        transport._on_answers([(b"_INBOX.x.%d" % number, b"", answer, b"")])
    assert settled == [[None, None]]
    transport._on_answers([(b"_INBOX.x.4", b"", STORED, b"")])
    assert len(settled) == 1, "a second answer is none"
    transport._fail_all()
    lost = "the connection was lost"
    assert settled[1:] == [[lost, "503: maximum messages exceeded", None]]
