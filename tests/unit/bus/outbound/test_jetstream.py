"""The lane of publications' answers: whatever comes there, the process goes on."""

from __future__ import annotations

import logging
from random import Random

import pytest

from bus.connection.connection import Connection
from bus.outbound.jetstream import ProvedTransport
from bus.settings import BusSettings
from bus.streams.limits import StreamLimits

STRANGE = [b"notanumber", b"", b"-1", b"0", "\u00b2".encode(), b"1" * 5000, b"7", b"\xff"]


@pytest.mark.parametrize("tail", STRANGE)
async def test_a_strangers_frame_in_the_inbox_ends_nothing(
    tail: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """An error in a lane ends the process; anybody who may publish could have sent this."""
    settings = BusSettings()
    connection = Connection(settings, Random(0), pytest.fail)
    transport = ProvedTransport(
        connection, pytest.fail, pytest.fail, StreamLimits(connection, settings.subjects)
    )
    with caplog.at_level(logging.WARNING):
        for body, headers in ((b"", b""), (b"{}", b""), (b"", b"NATS/1.0 503\r\n\r\n")):
            transport._on_answers([(b"_INBOX.x." + tail, b"", body, headers)])
    assert [record.message for record in caplog.records] == ["answer.malformed"]
